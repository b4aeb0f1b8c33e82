// A whole board under Verilator at a USB host, driven by the pins of its port: D+, D- and the pull-up.
// Time counts in the clocks of 48 MHz in which the port samples its wires; the link has the same clock,
// unless the design makes its own. `sim/devices/verilate.py` generates model.h.

#include "served.h"
#include "usb_host.h"

namespace {

constexpr int kUsb = 4;  // clocks of one at which the port takes a bit

struct UsbBoard : Board {
    usb::Host host{sent, received};
    double ratio;    // clocks of the chip, or of the PLL, to one of the port
    double due = 0;  // those that have not passed yet

    explicit UsbBoard(double ratio) : ratio(ratio) {
        top->clk = top->link_clk = top->usb_clk = top->rst = 0;
        reset(false);
        see(usb::kJ);
        top->eval();
    }

    void pace(double, double) override {}

    void reset(bool on) override { top->link_rst = top->usb_rst = on; }

    void see(uint8_t level) {
        top->dp_i = level >> 1;
        top->dn_i = level & 1;
    }

    void clock() override {
        for (due += ratio; due >= 1; due -= 1) {
            top->clk = 0;
            top->eval();
            top->clk = 1;
            top->eval();
            ++chip_clocks;
        }
        see(host.clock(top->driven, uint8_t(top->dp_o << 1 | top->dn_o), top->pulled));
        const uint64_t phase = clocks % kUsb;
        top->link_clk = 0;
        if (phase == kUsb / 2) top->usb_clk = 0;
        top->eval();
        top->link_clk = 1;
        if (phase == 0) top->usb_clk = 1;
        top->eval();
        ++clocks;
        quiet = host.rests() ? quiet + 1 : 0;
    }
};

usb::Host& host(Board* board) { return static_cast<UsbBoard&>(*board).host; }

}  // namespace

Board* make_board(double ratio) { return new UsbBoard(ratio); }

extern "C" {

void board_plug(Board* board, int on) { host(board).plug(on); }

void board_reset_bus(Board* board) { host(board).reset_bus(); }

void board_disturb(Board* board, int kind, int packets, int detail) {
    host(board).disturb(kind, unsigned(packets), unsigned(detail));
}

// Whether the device is ready, whether the fault has come, its numbers, then `Counts`.
void board_account(Board* board, uint64_t* counts) {
    const usb::Host& h = host(board);
    const usb::Counts& c = h.counts;
    for (uint64_t count : {uint64_t(h.ready), uint64_t(h.disturbed()), uint64_t(h.vendor),
                           uint64_t(h.product), c.found, c.transactions, c.naks, c.stalls, c.lost,
                           c.repeated, c.out, c.in})
        *counts++ = count;
}
}
