// What answers a host over a byte stream, under Verilator: bytes to it, bytes from it, and clocks in
// between. A shim derives from `Board` and makes its own in `make_board`; served.cpp has what Python
// calls.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "model.h"
#include "verilated.h"

struct Board {
    VerilatedContext context;
    std::unique_ptr<Model> top{new Model(&context)};
    std::deque<uint8_t> sent, received;
    uint64_t clocks = 0;  // of the link
    uint64_t chip_clocks = 0;
    uint64_t quiet = 0;  // clocks of the link since something last moved

    // A model leaves the context that it finds there.
    virtual ~Board() { Verilated::threadContextp(&context); }

    // Clocks that a bit, or a byte where there are no bits, takes at the host's end in each direction.
    virtual void pace(double to, double from) = 0;

    virtual void reset(bool on) = 0;

    // To the link's next clock.
    virtual void clock() = 0;
};

// `ratio` is of the chip's clocks to one of the link.
Board* make_board(double ratio);
