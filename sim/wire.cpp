// A chip behind its link under Verilator, driven by its byte streams: each way, a byte takes a set
// number of clocks. `sim/verilate.py` generates model.h, which names the model and its memories.

#include <cstdint>
#include <deque>
#include <memory>

#include "activity.h"
#include "memories.h"
#include "model.h"
#include "verilated.h"

// Verilator's name for part of a stream: it spells the second of two underscores out.
#define PORT(stream, part) stream##___05F##part

namespace {

// One way of the wire. A byte is there once its clocks are over; fractions of them are kept.
struct Way {
    std::deque<uint8_t> bytes;
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

struct Wire {
    VerilatedContext context;
    std::unique_ptr<Model> top{new Model(&context)};
    Way to_chip, from_chip;
    Activity activity;
    uint64_t clocks = 0;
    uint64_t quiet = 0;  // clocks since something last moved

    void clock() {
        Model& t = *top;
        if (!to_chip.busy && !to_chip.bytes.empty()) {
            to_chip.begin(to_chip.bytes.front());
            to_chip.bytes.pop_front();
        }
        bool moves = to_chip.busy || from_chip.busy;
        t.PORT(i, valid) = to_chip.arrives();
        t.PORT(i, payload) = to_chip.byte;
        t.PORT(o, ready) = !from_chip.busy;
        t.clk = 0;
        t.eval();
        if (!from_chip.busy && t.PORT(o, valid)) {
            from_chip.begin(t.PORT(o, payload));
            moves = true;
        }
        t.clk = 1;
        t.eval();
        if (from_chip.arrives()) from_chip.bytes.push_back(from_chip.byte);
        ++clocks;
        quiet = moves ? 0 : quiet + 1;
        activity.note(moves, t.busy);
    }
};

}  // namespace

extern "C" {

Wire* board_new() {
    auto* wire = new Wire;
    wire->top->clk = 0;
    wire->top->rst = 0;
    wire->top->eval();
    return wire;
}

void board_delete(Wire* wire) { delete wire; }

int board_store(Wire* wire, int memory, int row, const uint32_t* words) {
    return store(*wire->top->rootp, memory, row, words);
}

// Clocks of a byte in each direction.
void board_pace(Wire* wire, double to_chip, double from_chip) {
    wire->to_chip.pace = to_chip;
    wire->from_chip.pace = from_chip;
}

void board_reset(Wire* wire, int clocks) {
    wire->top->rst = 1;
    for (int i = 0; i < clocks; ++i) wire->clock();
    wire->top->rst = 0;
}

void board_send(Wire* wire, const uint8_t* bytes, int count) {
    auto& queue = wire->to_chip.bytes;
    queue.insert(queue.end(), bytes, bytes + count);
}

int board_receive(Wire* wire, uint8_t* bytes, int most) {
    auto& queue = wire->from_chip.bytes;
    int count = 0;
    for (; count < most && !queue.empty(); ++count) {
        bytes[count] = queue.front();
        queue.pop_front();
    }
    return count;
}

// Clock until the byte 0 has come, or nothing has moved for so many clocks, at most `limit` in all.
uint64_t board_clock(Wire* wire, uint64_t limit, uint64_t quiet) {
    const uint64_t begin = wire->clocks;
    while (wire->clocks - begin < limit) {
        wire->clock();
        if (wire->quiet >= quiet) break;
        const auto& queue = wire->from_chip.bytes;
        if (!queue.empty() && queue.back() == 0) break;
    }
    return wire->clocks - begin;
}

// Let clocks pass in which the host works on a gate.
void board_think(Wire* wire, uint64_t clocks) {
    wire->activity.gate = true;
    for (uint64_t i = 0; i < clocks; ++i) wire->clock();
    wire->activity.gate = false;
}

// Clocks by what was at work, see `Activity`, then bytes to the chip and from it.
void board_account(Wire* wire, uint64_t* counts) {
    for (int i = 0; i < 8; ++i) counts[i] = wire->activity.clocks[i];
    counts[8] = wire->to_chip.count;
    counts[9] = wire->from_chip.count;
}

uint64_t board_clocks(Wire* wire) { return wire->clocks; }
uint64_t board_chip_clocks(Wire* wire) { return wire->clocks; }
uint64_t board_quiet(Wire* wire) { return wire->quiet; }
}
