// The chip under Verilator, driven in bulk: queues in front of its input streams, behind its output
// streams, and a loop that clocks until there is something to fetch. No call per clock crosses to
// Python. `sim/devices/verilate.py` generates model.h, which names the model and its skeleton memories.

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "activity.h"
#include "lattices.h"
#include "memories.h"
#include "model.h"
#include "verilated.h"
#ifdef TRACED
#include "verilated_saif_c.h"
#endif

namespace {

constexpr uint64_t kSettled = 4;  // clocks that a byte may be between two places where it is seen

// One side of a stream: items waiting, and whether the next one is on offer. With a stall above 0,
// a side that has just moved an item rests with that probability in each clock, in 1/256.
struct Side {
    std::deque<uint32_t> items;
    bool active = false;
};

struct Chip {
    VerilatedContext context;
    std::unique_ptr<Model> top;
    std::mt19937 random;
    unsigned stall = 0;
    uint64_t clocks = 0;
    uint64_t resting = 0;  // clocks since something was last under way
    uint64_t still = 0;    // clocks since an item moved or the engine had work
    Side command, data_in, delta, data_out, plane;
    Activity activity;

    // A model that has no initial values begins with random ones.
    explicit Chip(uint32_t seed) : random(seed) {
        context.randReset(2);
        context.randSeed(int(seed) + 1);
        top.reset(new Model(&context));
    }
    ~Chip() { Verilated::threadContextp(&context); }  // a model leaves the one that it finds there
#ifdef TRACED
    std::unique_ptr<VerilatedSaifC> trace;
#endif

    bool go() { return stall == 0 || (random() & 255) >= stall; }

    // An item once offered stays on offer until it is taken.
    void offer(Side& side, bool available) { side.active = side.active || (available && go()); }

    void clock() {
        Model& t = *top;
        offer(command, command.items.size() >= kCommandWords);
        offer(data_in, !data_in.items.empty());
        offer(delta, !delta.items.empty());
        data_out.active = go();
        plane.active = go();

        t.i_command_valid = command.active;
        if (command.active) {
            uint32_t words[kCommandWords];
            for (int i = 0; i < kCommandWords; ++i) words[i] = command.items[i];
            assign(t.i_command_payload, words);
        }
        t.i_data_valid = data_in.active;
        if (data_in.active) t.i_data_payload = data_in.items.front();
        t.i_delta_valid = delta.active;
        if (delta.active) t.i_delta_payload = delta.items.front();
        t.o_data_ready = data_out.active;
        t.o_plane_ready = plane.active;
        t.clk = 0;
        t.eval();
#ifdef TRACED
        if (trace) trace->dump(clocks);  // once a clock, when everything has settled
#endif

        const bool command_moves = command.active && t.i_command_ready;
        const bool data_moves = data_in.active && t.i_data_ready;
        const bool delta_moves = delta.active && t.i_delta_ready;
        const bool fetch_moves = data_out.active && t.o_data_valid;
        const bool plane_moves = plane.active && t.o_plane_valid;
        if (fetch_moves) data_out.items.push_back(t.o_data_payload);
        if (plane_moves) plane.items.push_back(t.o_plane_payload);
        t.clk = 1;
        t.eval();
        ++clocks;
        resting = rests() ? resting + 1 : 0;
        const bool wire = data_moves || delta_moves || fetch_moves || plane_moves;
        const bool engine = activity.note(wire, t.busy);
        still = wire || engine || command_moves ? 0 : still + 1;

        if (command_moves) take(command, kCommandWords);
        if (data_moves) take(data_in, 1);
        if (delta_moves) take(delta, 1);
    }

    static void take(Side& side, int count) {
        side.items.erase(side.items.begin(), side.items.begin() + count);
        side.active = false;
    }

    bool rests() const {
        return command.items.empty() && !top->running && !top->o_data_valid &&
               !top->o_plane_valid;
    }
};

}  // namespace

extern "C" {

Chip* chip_new(uint32_t seed, uint32_t stall) {
    auto* chip = new Chip(seed);
    chip->stall = stall;
    chip->top->clk = 0;
    chip->top->rst = 0;
    chip->top->eval();
    return chip;
}

// Raise reset for as long as the chip demands it; these clocks are not counted.
void chip_reset(Chip* chip) {
    Model& t = *chip->top;
    t.i_command_valid = t.i_data_valid = t.i_delta_valid = 0;
    t.o_data_ready = t.o_plane_ready = 0;
    t.rst = 1;
    for (int i = 0; i < kResetClocks; ++i) {
        for (int level : {0, 1}) {
            t.clk = level;
            t.eval();
        }
    }
    t.rst = 0;
}

void chip_delete(Chip* chip) { delete chip; }

int chip_store(Chip* chip, int memory, int row, const uint32_t* words) {
    return store(*chip->top->rootp, memory, row, words);
}

// Clock until the skeletons are checked, for at most `limit` clocks; returns whether they are.
int chip_check(Chip* chip, uint64_t limit, uint32_t* damaged) {
    for (uint64_t i = 0; i < limit && !chip->top->checked; ++i) chip->clock();
    *damaged = chip->top->damaged;
    return chip->top->checked;
}

static Side& side_of(Chip* chip, int port) {
    switch (port) {
        case COMMAND: return chip->command;
        case DATA_IN: return chip->data_in;
        case DELTA: return chip->delta;
        case DATA_OUT: return chip->data_out;
        default: return chip->plane;
    }
}

void chip_push(Chip* chip, int port, const uint32_t* items, int count) {
    auto& queue = side_of(chip, port).items;
    queue.insert(queue.end(), items, items + count);
}

int chip_waiting(Chip* chip, int port) { return side_of(chip, port).items.size(); }

void chip_pop(Chip* chip, int port, uint32_t* items, int count) {
    auto& queue = side_of(chip, port).items;
    for (int i = 0; i < count; ++i) {
        items[i] = queue.front();
        queue.pop_front();
    }
}

// What `chip_clock` ended with.
enum { kDone = 0, kMore = 1, kStuck = 2 };

// Clock until an output holds that many items, or until every command is through, every run has ended
// and nothing more comes (ask for more items than can come). For at most `limit` clocks, after which
// there is more to do; stuck is a chip in which nothing moves for `patience` clocks.
int chip_clock(Chip* chip, uint64_t limit, uint64_t patience, int data, int plane) {
    const uint64_t begin = chip->clocks;
    while (chip->clocks - begin < limit) {
        if (int(chip->data_out.items.size()) >= data) return kDone;
        if (int(chip->plane.items.size()) >= plane) return kDone;
        if (chip->clocks != begin && chip->resting >= kSettled) return kDone;
        if (chip->still >= patience) return kStuck;
        chip->clock();
    }
    return kMore;
}

// Let clocks pass in which the host works on a gate.
void chip_think(Chip* chip, uint64_t clocks) { think(*chip, clocks); }

// Clocks by what was at work: see `Activity`.
void chip_account(Chip* chip, uint64_t* counts) {
    chip->activity.copy(counts);
}

uint64_t chip_counter(Chip* chip, int which) {
    const uint64_t counters[] = {chip->clocks, chip->top->clocks, chip->top->busy};
    return counters[which];
}

// Copy the rows of a context's lattice memory, a pending delta aside; returns 0 where there is one.
int chip_lattice(Chip* chip, int context, uint32_t* rows, int count, int write) {
    return exchange_lattice(*chip->top->rootp, context, rows, count, write != 0);
}

#ifdef TRACED
// Count the toggles of every net from here on; they are in the file once the trace has ended.
void chip_trace(Chip* chip, const char* path) {
    chip->trace.reset(new VerilatedSaifC);
    chip->context.traceEverOn(true);
    chip->top->trace(chip->trace.get(), 99);
    chip->trace->open(path);
}

void chip_trace_end(Chip* chip) {
    chip->trace->close();
    chip->trace.reset();
}
#endif
}
