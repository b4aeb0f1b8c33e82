// What a simulated system is at in each clock: its wire, its engine, and the gate on the host.

#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

struct Activity {
    enum { kWire = 1, kEngine = 2, kGate = 4 };
    uint64_t clocks[8] = {};  // by the sum of what was at work
    uint64_t busy = 0;        // the engine's counter, as it was a clock ago
    bool gate = false;        // the host works on a gate

    // Returns whether the engine was at work.
    bool note(bool wire, uint64_t now) {
        // A reset takes the counter back to 0.
        const bool engine = now > busy;
        busy = now;
        ++clocks[(wire ? kWire : 0) | (engine ? kEngine : 0) | (gate ? kGate : 0)];
        return engine;
    }

    // Copies the clocks, and returns where they end.
    uint64_t* copy(uint64_t* counts) const {
        return std::copy(std::begin(clocks), std::end(clocks), counts);
    }
};

// Let clocks pass in which the host works on a gate.
template <typename Machine>
void think(Machine& machine, uint64_t clocks) {
    machine.activity.gate = true;
    for (uint64_t i = 0; i < clocks; ++i) machine.clock();
    machine.activity.gate = false;
}
