// A chip behind its link under Verilator, driven by its byte streams: each way, a byte takes a set
// number of clocks. `sim/devices/verilate.py` generates model.h, which names the model and its memories.

#include "activity.h"
#include "served.h"

namespace {

// One way of the wire. A byte is there once its clocks are over; fractions of them are kept.
struct Way {
    std::deque<uint8_t>& bytes;
    double pace = 1, left = 0;
    uint64_t count = 0;
    uint8_t byte = 0;
    bool busy = false;

    void begin(uint8_t next) {
        byte = next;
        left += pace;
        busy = true;
        ++count;
    }

    // Whether the byte under way is there at the end of this clock.
    bool arrives() {
        if (!busy || (left -= 1) > 0) return false;
        busy = false;
        return true;
    }
};

struct Wire : Board {
    Way to_chip{sent}, from_chip{received};
    Activity activity;

    Wire() {
        top->clk = 0;
        reset(false);
        top->eval();
    }

    void pace(double to, double from) override {
        to_chip.pace = to;
        from_chip.pace = from;
    }

    void reset(bool on) override { top->rst = on; }

    void clock() override {
        Model& t = *top;
        if (!to_chip.busy && !to_chip.bytes.empty()) {
            to_chip.begin(to_chip.bytes.front());
            to_chip.bytes.pop_front();
        }
        bool moves = to_chip.busy || from_chip.busy;
        t.i_valid = to_chip.arrives();
        t.i_payload = to_chip.byte;
        t.o_ready = !from_chip.busy;
        t.clk = 0;
        t.eval();
        if (!from_chip.busy && t.o_valid) {
            from_chip.begin(t.o_payload);
            moves = true;
        }
        t.clk = 1;
        t.eval();
        if (from_chip.arrives()) from_chip.bytes.push_back(from_chip.byte);
        chip_clocks = ++clocks;  // link and chip share their clock
        quiet = moves ? 0 : quiet + 1;
        activity.note(moves, t.busy);
    }
};

}  // namespace

Board* make_board(double) { return new Wire; }

extern "C" {

// Let clocks pass in which the host works on a gate.
void board_think(Board* board, uint64_t clocks) {
    think(static_cast<Wire&>(*board), clocks);
}

// Clocks by what was at work, see `Activity`, then bytes to the chip and from it.
void board_account(Board* board, uint64_t* counts) {
    const auto& wire = static_cast<const Wire&>(*board);
    counts = wire.activity.copy(counts);
    counts[0] = wire.to_chip.count;
    counts[1] = wire.from_chip.count;
}
}
