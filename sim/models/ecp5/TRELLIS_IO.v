// Pads of the ECP5 by their direction, as `sim/devices/netlist.py` tells them apart: Verilator does not let an
// inout pin meet an input.

module TRELLIS_IO_INPUT(input B, output O);
    assign O = B;
endmodule

module TRELLIS_IO_OUTPUT(output B, input I, T);
    assign B = I;
    always @(*) if (T) $fatal(1, "TRELLIS_IO is modelled without high impedance");
endmodule

// A pad of both directions: its pin has the level outside, beside it are the level that it drives and
// whether it does.
module TRELLIS_IO_BIDIR(input B, I, T, output O, LEVEL, DRIVES);
    assign O = B;
    assign LEVEL = I;
    assign DRIVES = ~T;
endmodule
