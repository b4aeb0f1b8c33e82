// A block memory of the ECP5, after Lattice FPGA-TN-02204: two ports on 2048 nines of bits, each 1, 2, 4,
// 9 or 18 bits wide, or 36 for the one that writes through A and reads through B. Rows of up to four
// bits use eight of each nine. What a port reads while the other one writes it is not defined: it reads
// all bits wrong here, so that nothing can rely on it.

module DP16KD(
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED", INIT_DATA = "STATIC";
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
        INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0,
        INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0,
        INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
        INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0,
        INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0,
        INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0,
        INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
        INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0,
        INITVAL_36 = 0, INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
        INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

    localparam [64 * 320 - 1:0] INIT = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};

    reg [8:0] nines [0:2047];
    integer index;
    initial for (index = 0; index < 1024; index = index + 1)
        {nines[2 * index + 1], nines[2 * index]} = INIT[20 * index +: 18];

    // Address bits below a row; of a write, the lowest ones of a wide row enable its nines.
    function automatic integer below(input integer width);
        below = width == 36 ? 5 : width == 18 ? 4 : width == 9 ? 3 : width == 4 ? 2 : width - 1;
    endfunction

    function automatic [10:0] first(input [13:0] address, input integer width);
        first = address[13:3] & ~(width == 36 ? 11'd3 : width == 18 ? 11'd1 : 11'd0);
    endfunction

    function automatic [2:0] place(input [13:0] address, input integer width);
        place = width == 1 ? address[2:0] : width == 2 ? {address[2:1], 1'b0} : width == 4 ? {address[2], 2'b0} : 0;
    endfunction

    function automatic [35:0] read(input [13:0] address, input integer width);
        reg [10:0] nine;
        nine = first(address, width);
        read = {nines[nine | 3], nines[nine | 2], nines[nine | 1], nines[nine]};
        read = read >> place(address, width) & (37'd1 << width) - 1;
    endfunction

    task automatic write(input [13:0] address, input integer width, input [35:0] value);
        reg [10:0] nine;
        reg [8:0] mask;
        integer lane;
        nine = first(address, width);
        mask = ((37'd1 << width) - 1) << place(address, width);
        if (width <= 9)
            nines[nine] <= nines[nine] & ~mask | value[8:0] << place(address, width) & mask;
        else
            for (lane = 0; lane < width / 9; lane = lane + 1)
                if (address[lane]) nines[nine | lane[10:0]] <= value[9 * lane +: 9];
    endtask

    wire [13:0] a_address = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] b_address = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] a_low = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] b_low = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire [35:0] a_in = {b_low, a_low}, b_in = {18'd0, b_low};
    wire a_clock = CLKAMUX == "INV" ? ~CLKA : CLKA, b_clock = CLKBMUX == "INV" ? ~CLKB : CLKB;
    wire a_on = CEA & ~(CSA2 | CSA1 | CSA0), b_on = CEB & ~(CSB2 | CSB1 | CSB0);
    wire a_writes = a_on & WEA, b_writes = b_on & WEB;

    // Two rows share bits if their addresses agree above what the wider one covers.
    localparam BELOW = below(DATA_WIDTH_A > DATA_WIDTH_B ? DATA_WIDTH_A : DATA_WIDTH_B);
    wire same = a_address >> BELOW == b_address >> BELOW;
    wire [35:0] a_found = read(a_address, DATA_WIDTH_A) ^ {36{same & b_writes & b_clock}};
    wire [35:0] b_found = read(b_address, DATA_WIDTH_B) ^ {36{same & a_writes & a_clock}};

    reg [35:0] a_row = 0, a_out = 0, b_row = 0, b_out = 0;
    always @(posedge a_clock) begin
        if (a_writes) write(a_address, DATA_WIDTH_A, a_in);
        if (a_on & ~WEA | a_writes & WRITEMODE_A == "READBEFOREWRITE") a_row <= a_found;
        if (a_writes & WRITEMODE_A == "WRITETHROUGH") a_row <= a_in;
        if (OCEA) a_out <= a_row;
        if (RSTA) {a_row, a_out} <= 0;
    end
    always @(posedge b_clock) begin
        if (b_writes) write(b_address, DATA_WIDTH_B, b_in);
        if (b_on & ~WEB | b_writes & WRITEMODE_B == "READBEFOREWRITE") b_row <= b_found;
        if (b_writes & WRITEMODE_B == "WRITETHROUGH") b_row <= b_in;
        if (OCEB) b_out <= b_row;
        if (RSTB) {b_row, b_out} <= 0;
    end

    // A row of 36 bits leaves by the pins of both ports, its low half by those of A.
    wire [35:0] a_data = REGMODE_A == "OUTREG" ? a_out : a_row;
    wire [35:0] b_data = REGMODE_B == "OUTREG" ? b_out : b_row;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0}
        = DATA_WIDTH_B == 36 ? b_data[17:0] : a_data[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0}
        = DATA_WIDTH_B == 36 ? b_data[35:18] : b_data[17:0];

    generate
        if (RESETMODE != "SYNC") $error("DP16KD is modelled with synchronous reset alone");
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") $error("DP16KD is modelled with chip select 0 alone");
    endgenerate
endmodule
