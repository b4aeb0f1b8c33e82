// A full-speed USB host with one port, and the driver of a serial port (CDC-ACM): it finds a device,
// gives it an address, reads what it says of itself, and then carries bytes over its bulk endpoints.

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "usb_wire.h"

namespace usb {

// Clocks of 48 MHz. Real hosts take milliseconds to find and to reset a device.
constexpr int kAttach = 400, kReset = 9'600, kRecover = 400;
constexpr int kFrame = 48'000;
constexpr int kLongest = 900 * kSamples;  // of a transaction: none is under way when a frame ends
constexpr unsigned kAddress = 5;
constexpr int kTries = 3;  // of a packet of a request, before it is made anew
constexpr unsigned kMostPacket = 64;

enum Request : uint8_t { kSetAddress = 5, kGetDescriptor = 6, kSetConfiguration = 9 };
enum Descriptor : uint8_t { kDevice = 1, kConfiguration = 2, kInterface = 4, kEndpoint = 5 };
enum LineRequest : uint8_t { kSetLineCoding = 0x20, kSetControlLineState = 0x22 };
constexpr uint8_t kDataInterface = 0x0a;  // class of the interface that carries the bytes
constexpr uint8_t kBulk = 2;

// A request of endpoint 0: setup, data one way or none, status.
struct Control {
    Bytes setup, data{};
    enum Stage { kSetupStage, kDataStage, kStatusStage } stage = kSetupStage;
    bool toggle = true;

    void restart() {
        stage = kSetupStage;
        toggle = true;
        if (reads()) data.clear();
    }

    bool reads() const { return setup[0] & 0x80; }
    size_t length() const { return setup[6] | setup[7] << 8; }
};

struct Counts {
    uint64_t found, transactions, naks, stalls, lost, repeated, out, in;
};

class Host : public Wire {
public:
    std::deque<uint8_t>&sent, &received;
    Counts counts{};
    unsigned vendor = 0, product = 0;
    bool plugged = true, ready = false;

    Host(std::deque<uint8_t>& sent, std::deque<uint8_t>& received)
        : sent(sent), received(received) {}

    // There is nothing to do but to ask whether there is something.
    bool rests() const { return !plugged || (ready && sent.empty() && !moved); }

    void plug(bool on) {
        plugged = on;
        detach();
    }

    void reset_bus() {
        detach();
        bus = kResetting;
        left = kReset;
    }

    // One clock: takes the device's side of the wires, gives the level that both ends see.
    uint8_t clock(bool driven, uint8_t level, bool pullup) {
        const uint8_t rest = pullup ? kJ : kSe0;
        const uint8_t wires = driven ? level : rest;
        moved = false;
        if (!plugged) return wires;
        ++now;
        if (bus == kRunning) return step(wires, rest);
        if (bus == kDetached && !pullup) left = kAttach;
        const uint8_t seen = bus == kResetting ? uint8_t(kSe0) : wires;
        if (--left > 0) return seen;
        if (bus == kDetached) {
            reset_bus();
        } else if (bus == kResetting) {
            bus = kRecovering;
            left = kRecover;
        } else {
            bus = kRunning;
            stage = address = 0;
            ask();
        }
        return seen;
    }

private:
    enum { kDetached, kResetting, kRecovering, kRunning } bus = kDetached;
    enum { kControl, kBulkOut, kBulkIn, kNothing } kind = kNothing;
    int left = kAttach;
    int failures = 0;  // one after the other
    uint64_t now = 0;
    int64_t frame_end = 0;
    unsigned frame = 0;
    bool moved = false;

    Control control;
    unsigned stage = 0, address = 0, configuration = 0;
    unsigned out_endpoint = 0, in_endpoint = 0;
    bool out_toggle = false, in_toggle = false;

    void detach() {
        silence();
        sent.clear();
        offered = 0;
        received.clear();
        ready = false;
        kind = kNothing;
        bus = kDetached;
        left = kAttach;
    }

    // ---- What to find out of a device, request by request.
    void ask() {
        const uint8_t size = uint8_t(std::min<size_t>(described, 255));
        switch (stage) {
            case 0: return request({0x80, kGetDescriptor, 0, kDevice, 0, 0, kMostPacket, 0});
            case 1: return request({0, kSetAddress, kAddress, 0, 0, 0, 0, 0});
            case 2: return request({0x80, kGetDescriptor, 0, kDevice, 0, 0, 18, 0});
            case 3: return request({0x80, kGetDescriptor, 0, kConfiguration, 0, 0, 9, 0});
            case 4: return request({0x80, kGetDescriptor, 0, kConfiguration, 0, 0, size, 0});
            case 5: return request({0, kSetConfiguration, uint8_t(configuration), 0, 0, 0, 0, 0});
            case 6:  // 3 Mbaud, which nothing depends on; eight bits, no parity, one stop bit
                return request({0x21, kSetLineCoding, 0, 0, 0, 0, 7, 0},
                               {0xc0, 0xc6, 0x2d, 0, 0, 0, 8});
            case 7: return request({0x21, kSetControlLineState, 3, 0, 0, 0, 0, 0});
        }
        ready = true;
        kind = kNothing;
        out_toggle = in_toggle = false;
        ++counts.found;
    }

    size_t described = 0;  // bytes of the configuration's descriptors
    size_t offered = 0;    // bytes of the packet that has been said and not been acknowledged

    void request(Bytes setup, Bytes data = {}) { control = Control{setup, data}; }

    void answered(bool stalled) {
        const Bytes& told = control.data;
        // A device may know nothing of lines.
        if (stalled && stage < 6) return reset_bus();
        if (stage == 1) address = kAddress;
        if (stage == 2 && told.size() == 18) {
            vendor = told[8] | told[9] << 8;
            product = told[10] | told[11] << 8;
        }
        if (stage == 3 && told.size() == 9) {
            described = told[2] | told[3] << 8;
            configuration = told[5];
        }
        if (stage == 4 && !find_endpoints(told)) return reset_bus();
        ++stage;
        ask();
    }

    bool find_endpoints(const Bytes& told) {
        bool data = false;
        out_endpoint = in_endpoint = 0;
        for (size_t at = 0; at + 7 <= told.size() && told[at]; at += told[at]) {
            if (told[at + 1] == kInterface) data = told[at + 5] == kDataInterface;
            if (told[at + 1] != kEndpoint || !data || told[at + 3] != kBulk) continue;
            (told[at + 2] & 0x80 ? in_endpoint : out_endpoint) = told[at + 2] & 0xf;
        }
        return out_endpoint && in_endpoint;
    }

    // ---- One transaction after the other.
    void transact(Pid pid, unsigned endpoint) {
        ++counts.transactions;
        say({token(pid, address | endpoint << 7)}, true);
    }

    void transact(Pid pid, unsigned endpoint, bool toggle, const Bytes& data) {
        ++counts.transactions;
        say({token(pid, address | endpoint << 7), data_packet(toggle, data)}, true);
    }

    void next() override {
        const int64_t clocks = frame_end - int64_t(now);
        if (clocks <= 0) {
            frame_end = int64_t(now) + kFrame;
            return say({token(kSof, ++frame & 0x7ff)}, false);
        }
        if (clocks < kLongest) return wait(int(clocks));
        if (!ready) return next_of_control();
        if (kind != kBulkOut && !sent.empty()) {
            kind = kBulkOut;
            return transact(kOut, out_endpoint, out_toggle, head());
        }
        kind = kBulkIn;
        transact(kIn, in_endpoint);
    }

    // The packet to be sent: the same one until it has been acknowledged.
    Bytes head() {
        if (!offered) offered = std::min<size_t>(sent.size(), kMostPacket);
        return {sent.begin(), sent.begin() + long(offered)};
    }

    void next_of_control() {
        kind = kControl;
        const bool reads = control.reads();
        if (control.stage == Control::kSetupStage) {
            transact(kSetup, 0, false, control.setup);
        } else if (control.stage == Control::kDataStage) {
            reads ? transact(kIn, 0) : transact(kOut, 0, control.toggle, control.data);
        } else {
            reads ? transact(kOut, 0, true, {}) : transact(kIn, 0);
        }
    }

    void heard(const Bytes& packet) override {
        const uint8_t pid = packet.empty() ? 0 : packet[0];
        const bool data = pid == kData0 || pid == kData1;
        counts.naks += pid == kNak;
        counts.lost += packet.empty();
        failures = packet.empty() ? failures + 1 : 0;
        if (kind == kControl && failures == kTries) control.restart();
        if (data) say({Bytes{kAck}}, false);
        if (kind == kControl) {
            if (pid == kStall) {
                ++counts.stalls;
                answered(true);
            } else if (data) {
                heard_of_control(pid == kData1, {packet.begin() + 1, packet.end() - 2});
            } else if (pid == kAck) {
                acknowledged();
            }
        } else if (kind == kBulkOut && pid == kAck) {
            sent.erase(sent.begin(), sent.begin() + long(offered));
            out_toggle = !out_toggle;
            counts.out += offered;
            offered = 0;
            moved = true;
        } else if (kind == kBulkIn && data) {
            take(pid == kData1, {packet.begin() + 1, packet.end() - 2});
        }
    }

    void take(bool toggle, const Bytes& data) {
        if (toggle != in_toggle) {  // the device has not heard that this one came
            ++counts.repeated;
            return;
        }
        in_toggle = !in_toggle;
        received.insert(received.end(), data.begin(), data.end());
        counts.in += data.size();
        moved = true;
    }

    void heard_of_control(bool toggle, const Bytes& data) {
        if (control.stage == Control::kStatusStage) return answered(false);
        if (toggle != control.toggle) return;
        control.toggle = !control.toggle;
        control.data.insert(control.data.end(), data.begin(), data.end());
        if (data.size() < kMostPacket || control.data.size() >= control.length())
            control.stage = Control::kStatusStage;
    }

    void acknowledged() {
        if (control.stage == Control::kStatusStage) return answered(false);
        const bool more = control.stage == Control::kSetupStage && control.length();
        control.stage = more ? Control::kDataStage : Control::kStatusStage;
    }
};

}  // namespace usb
