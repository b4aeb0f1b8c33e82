// Pads of the ECP5 in one direction, as `sim/devices/netlist.py` tells them apart: Verilator does not let an
// inout pin meet an input.

module TRELLIS_IO_INPUT(input B, output O);
    assign O = B;
endmodule

module TRELLIS_IO_OUTPUT(output B, input I, T);
    assign B = I;
    always @(*) if (T) $fatal(1, "TRELLIS_IO is modelled without high impedance");
endmodule
