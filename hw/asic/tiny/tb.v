`default_nettype none
`timescale 1ns / 1ps

// The project and its pins, for test.py.
module tb ();

`ifdef __ICARUS__
  initial begin
    $dumpfile("tb.fst");
    $dumpvars(0, tb);
  end
`endif

  reg clk, rst_n, ena;
  reg [7:0] ui_in, uio_in;
  wire [7:0] uo_out, uio_out, uio_oe;

  tt_um_thalweg user_project (
      .ui_in  (ui_in),
      .uo_out (uo_out),
      .uio_in (uio_in),
      .uio_out(uio_out),
      .uio_oe (uio_oe),
      .ena    (ena),
      .clk    (clk),
      .rst_n  (rst_n)
  );

endmodule
