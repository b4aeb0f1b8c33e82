// An 18 x 18 multiplier of the ECP5, after Lattice FPGA-TN-02205: each register of operands, product
// and output is there or not, on clock 0, enable 0 and reset 0. What else the block can do (chains,
// operand C, further clocks) is not modelled, and refused.

module MULT18X18D(
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
    output P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_PIPELINE_CLK = "NONE";
    parameter REG_OUTPUT_CLK = "NONE";
    parameter GSR = "ENABLED";

    wire [18:0] a_pins = {SIGNEDA, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [18:0] b_pins = {SIGNEDB, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    reg [18:0] a_register = 0, b_register = 0;
    reg [35:0] pipeline = 0, out = 0;

    wire [18:0] a = REG_INPUTA_CLK == "NONE" ? a_pins : a_register;
    wire [18:0] b = REG_INPUTB_CLK == "NONE" ? b_pins : b_register;
    // An operand is extended with its sign, or with a zero; 36 bits hold every product.
    wire signed [35:0] a_wide = {{18{a[18] & a[17]}}, a[17:0]};
    wire signed [35:0] b_wide = {{18{b[18] & b[17]}}, b[17:0]};
    wire [35:0] product = a_wide * b_wide;
    wire [35:0] summand = REG_PIPELINE_CLK == "NONE" ? product : pipeline;

    always @(posedge CLK0)
        if (RST0) begin
            {a_register, b_register} <= 0;
            {pipeline, out} <= 0;
        end else if (CE0) begin
            a_register <= a_pins;
            b_register <= b_pins;
            pipeline <= product;
            out <= summand;
        end

    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14,
            P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = REG_OUTPUT_CLK == "NONE" ? summand : out;

    generate
        if ((REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0") || (REG_INPUTB_CLK != "NONE" && REG_INPUTB_CLK != "CLK0") ||
            (REG_PIPELINE_CLK != "NONE" && REG_PIPELINE_CLK != "CLK0") || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0"))
            $error("MULT18X18D is modelled on clock 0 alone");
    endgenerate
    always @(*) if (SOURCEA | SOURCEB) $fatal(1, "MULT18X18D is modelled without chains");
endmodule
