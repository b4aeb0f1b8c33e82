// A host's end of the two wires of full-speed USB, in clocks of 48 MHz: says packets, hears the answer.
// What it says and hears can be disturbed, packet by packet.

#pragma once

#include <deque>

#include "usb_packet.h"

namespace usb {

constexpr int kGap = 3 * kSamples;       // clocks between packets
constexpr int kTimeout = 18 * kSamples;  // clocks for an answer to begin: USB 2.0, 7.1.19.1
constexpr int kEnd = 3 * kSamples;       // clocks of the end of a packet

// What may happen to a packet that is said, or to one that is heard.
enum Fault { kNone, kLoseSaid, kFlipSaid, kDoubleSaid, kLoseHeard, kFlipHeard };

class Wire {
public:
    virtual ~Wire() = default;

    // After so many packets of its way, a packet is disturbed; `detail` chooses a bit of it.
    void disturb(int kind, unsigned packets, unsigned detail) {
        fault = Fault(kind);
        fault_after = packets;
        fault_detail = detail;
    }

    bool disturbed() const { return fault == kNone; }

protected:
    // Chooses what to say next, or lets some clocks pass.
    virtual void next() = 0;

    // The answer to what was said; empty where none came that is whole.
    virtual void heard(const Bytes& packet) = 0;

    void say(std::deque<Bytes> all, bool answered) {
        packets = std::move(all);
        answers = answered;
        wait(kGap);
    }

    void wait(int clocks) {
        state = kWaiting;
        left = clocks;
    }

    void silence() {
        packets.clear();
        wait(kGap);
    }

    // One clock: takes what both would see if this end drove nothing, and what is seen at rest then.
    uint8_t step(uint8_t wires, uint8_t rest) {
        switch (state) {
            case kWaiting:
                if (--left > 0) return wires;
                if (packets.empty())
                    next();
                else
                    begin();
                return wires;
            case kSaying: {
                const uint8_t level = levels[place / kSamples];
                if (++place == levels.size() * kSamples) said();
                return lost ? rest : level;
            }
            case kHearing:
                if (receiver.sample(wires))
                    hear();
                else if (!receiver.active && --left <= 0)
                    hear();
                return wires;
            case kHeard:
                if (--left <= 0) {
                    wait(kGap);
                    heard(answer);
                }
                return wires;
        }
        return wires;
    }

private:
    enum { kWaiting, kSaying, kHearing, kHeard } state = kWaiting;
    int left = kGap;
    std::deque<Bytes> packets;  // the next one first
    bool answers = false, lost = false;
    Levels levels;
    size_t place = 0;
    Receiver receiver;
    Bytes answer;
    Fault fault = kNone;
    unsigned fault_after = 0, fault_detail = 0;

    // The fault of these that comes true with this packet, if one does.
    Fault strike(Fault first, Fault last) {
        if (fault < first || fault > last || fault_after-- > 0) return kNone;
        const Fault found = fault;
        fault = kNone;
        return found;
    }

    void begin() {
        // Whoever waits for an answer says nothing twice.
        const bool asks = packets.size() == 1 && answers;
        const Fault struck = strike(kLoseSaid, asks ? kFlipSaid : kDoubleSaid);
        levels = encode(packets.front());
        if (struck == kFlipSaid) levels[fault_detail % (levels.size() - 3)] ^= kJ | kK;
        if (struck == kDoubleSaid) packets.push_front(packets.front());
        lost = struck == kLoseSaid;
        place = 0;
        state = kSaying;
    }

    void said() {
        packets.pop_front();
        if (!packets.empty() || !answers) return wait(kGap);
        receiver.begin();
        state = kHearing;
        left = kTimeout;
    }

    void hear() {
        const Fault struck = receiver.active ? strike(kLoseHeard, kFlipHeard) : kNone;
        Levels& got = receiver.levels;
        if (struck == kFlipHeard && !got.empty()) got[fault_detail % got.size()] ^= kJ | kK;
        answer = struck == kLoseHeard ? Bytes{} : decode(got);
        state = kHeard;
        left = kEnd + kGap;
    }
};

}  // namespace usb
