// A whole board under Verilator, driven by its pins: bytes become levels of rx and levels of tx become
// bytes, clock by clock of the link, in here, and the chip's clock runs beside it. `sim/devices/verilate.py`
// generates model.h, which names the model and its memories.

#include "served.h"

namespace {

// The host's end of the board's rx: start bit, eight bits, stop bit, each of `bit` clocks.
struct Sender {
    std::deque<uint8_t>& bytes;
    double bit = 8, left = 0;
    unsigned levels = 0;
    int bits = 0;

    bool rests() const { return bits == 0 && bytes.empty(); }

    bool clock() {
        if (bits == 0) {
            if (bytes.empty()) return true;
            levels = 0x200u | unsigned(bytes.front()) << 1;
            bytes.pop_front();
            bits = 10;
            left += bit;
        }
        const bool level = levels & 1;
        if ((left -= 1) <= 0) {
            levels >>= 1;
            left = --bits ? left + bit : 0;
        }
        return level;
    }
};

// The host's end of the board's tx: each bit is taken in its middle; what has no stop bit is lost.
struct Receiver {
    std::deque<uint8_t>& bytes;
    double bit = 8, left = 0;
    unsigned levels = 0;
    int bits = 0;
    bool last = true;

    bool rests() const { return bits == 0; }

    void clock(bool level) {
        if (bits == 0) {
            if (last && !level) {
                bits = 10;
                left = bit / 2;
                levels = 0;
            }
        } else if ((left -= 1) <= 0) {
            left += bit;
            levels |= unsigned(level) << (10 - bits--);
            if (bits == 9 && level) bits = 0;
            if (bits == 0 && (levels & 0x201) == 0x200) bytes.push_back(levels >> 1 & 0xff);
        }
        last = level;
    }
};

struct PinBoard : Board {
    Sender sender{sent};
    Receiver receiver{received};
    double ratio;    // clocks of the chip to one of the link
    double due = 0;  // clocks of the chip until the link's next one

    explicit PinBoard(double ratio) : ratio(ratio) {
        top->clk = top->link_clk = top->rst = 0;
        top->rx = 1;
        reset(false);
        top->eval();
    }

    void pace(double to, double from) override {
        sender.bit = to;
        receiver.bit = from;
    }

    void reset(bool on) override { top->link_rst = on; }

    void low() {
        top->clk = top->link_clk = 0;
        top->eval();
    }

    // The chip's own clocks that come before the link's next one come first.
    void clock() override {
        for (due += ratio; due >= 1; due -= 1) {
            low();
            top->clk = 1;
            top->eval();
            ++chip_clocks;
        }
        top->rx = sender.clock();
        if (top->link_clk) low();
        receiver.clock(top->tx);
        top->link_clk = 1;
        top->eval();
        ++clocks;
        quiet = sender.rests() && receiver.rests() ? quiet + 1 : 0;
    }
};

}  // namespace

Board* make_board(double ratio) { return new PinBoard(ratio); }
