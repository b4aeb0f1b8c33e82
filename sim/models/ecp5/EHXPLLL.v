// The PLL of the ECP5, after Lattice FPGA-TN-02200, as far as a cycle-true simulation sees it: the
// oscillator is left out. CLKI is clocked as fast as the greatest common divisor of the dividers has
// it, and every output divides that by the rest of its own divider; all rise together first. With
// one output, CLKI is that output. So a simulation counts clocks of the design, not of the board.
// With OSCILLATOR defined, CLKI is the oscillator: of all PLLs where there are several.

module EHXPLLL(
    input CLKI, CLKFB, PHASESEL1, PHASESEL0, PHASEDIR, PHASESTEP, PHASELOADREG, STDBY, PLLWAKESYNC,
    input RST, ENCLKOP, ENCLKOS, ENCLKOS2, ENCLKOS3,
    output CLKOP, CLKOS, CLKOS2, CLKOS3, LOCK
);
    parameter CLKI_DIV = 1, CLKFB_DIV = 1;
    parameter CLKOP_DIV = 8, CLKOS_DIV = 8, CLKOS2_DIV = 8, CLKOS3_DIV = 8;
    parameter CLKOP_ENABLE = "ENABLED", CLKOS_ENABLE = "DISABLED";
    parameter CLKOS2_ENABLE = "DISABLED", CLKOS3_ENABLE = "DISABLED";
    parameter CLKOP_CPHASE = 0, CLKOS_CPHASE = 0, CLKOS2_CPHASE = 0, CLKOS3_CPHASE = 0;
    parameter CLKOP_FPHASE = 0, CLKOS_FPHASE = 0, CLKOS2_FPHASE = 0, CLKOS3_FPHASE = 0;
    parameter FEEDBK_PATH = "CLKOP", INTFB_WAKE = "DISABLED", DPHASE_SOURCE = "DISABLED";
    parameter OUTDIVIDER_MUXA = "DIVA", OUTDIVIDER_MUXB = "DIVB";
    parameter OUTDIVIDER_MUXC = "DIVC", OUTDIVIDER_MUXD = "DIVD";
    parameter PLLRST_ENA = "DISABLED", STDBY_ENABLE = "DISABLED";

    localparam OP = CLKOP_ENABLE == "ENABLED" ? CLKOP_DIV : 0;
    localparam OS = CLKOS_ENABLE == "ENABLED" ? CLKOS_DIV : 0;
    localparam OS2 = CLKOS2_ENABLE == "ENABLED" ? CLKOS2_DIV : 0;
    localparam OS3 = CLKOS3_ENABLE == "ENABLED" ? CLKOS3_DIV : 0;

    function automatic integer gcd(input integer a, input integer b);
        gcd = b == 0 ? a : gcd(b, a % b);
    endfunction
`ifdef OSCILLATOR
    localparam COMMON = 1;
`else
    localparam COMMON = gcd(gcd(OP, OS), gcd(OS2, OS3));
`endif

    ehxplll_output #(OP / COMMON) op(CLKI, CLKOP);
    ehxplll_output #(OS / COMMON) os(CLKI, CLKOS);
    ehxplll_output #(OS2 / COMMON) os2(CLKI, CLKOS2);
    ehxplll_output #(OS3 / COMMON) os3(CLKI, CLKOS3);
    assign LOCK = 1;
endmodule

// One output: off, the clock itself, or one clock in so many.
module ehxplll_output #(parameter DIVIDER = 0) (input clk, output divided);
    integer count = 0;
    reg level = 0;
    always @(posedge clk) begin
        count <= count == DIVIDER - 1 ? 0 : count + 1;
        level <= count < DIVIDER / 2;
    end
    assign divided = DIVIDER == 0 ? 0 : DIVIDER == 1 ? clk : level;
endmodule
