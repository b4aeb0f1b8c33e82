// Packets of full-speed USB and the levels of its two wires: NRZI, bit stuffing, CRC5 and CRC16, after
// USB 2.0, 7.1 and 8.3. A level is D+ << 1 | D-; the wires are sampled four times a bit.

#pragma once

#include <cstdint>
#include <vector>

namespace usb {

using Bytes = std::vector<uint8_t>;
using Levels = std::vector<uint8_t>;

enum : uint8_t { kSe0 = 0, kK = 1, kJ = 2 };
enum Pid : uint8_t {
    kOut = 0xe1,
    kIn = 0x69,
    kSof = 0xa5,
    kSetup = 0x2d,
    kData0 = 0xc3,
    kData1 = 0x4b,
    kAck = 0xd2,
    kNak = 0x5a,
    kStall = 0x1e,
};

constexpr int kSamples = 4;       // of a bit
constexpr unsigned kSync = 0x80;  // the byte before a packet
constexpr int kOnes = 6;          // after so many, a bit 0 is stuffed
constexpr unsigned kMostBits = 8 * 1100;

// Both checksums: of bits, low ones first, to be sent low bit first.
inline unsigned crc(unsigned polynomial, unsigned ones, unsigned value, int bits, unsigned begin) {
    unsigned found = begin;
    for (int i = 0; i < bits; ++i) {
        const bool divides = (found ^ value >> i) & 1;
        found = found >> 1 ^ (divides ? polynomial : 0);
    }
    return found & ones;
}

inline unsigned crc5(unsigned value) { return crc(0x14, 0x1f, value, 11, 0x1f) ^ 0x1f; }

inline unsigned crc16(const uint8_t* begin, const uint8_t* end) {
    unsigned found = 0xffff;
    for (; begin != end; ++begin) found = crc(0xa001, 0xffff, *begin, 8, found);
    return found ^ 0xffff;
}

// A token, or the start of a frame: eleven bits and their checksum.
inline Bytes token(Pid pid, unsigned value) {
    const unsigned word = value | crc5(value) << 11;
    return {pid, uint8_t(word), uint8_t(word >> 8)};
}

inline Bytes data_packet(bool toggle, const Bytes& data) {
    Bytes packet{toggle ? kData1 : kData0};
    packet.insert(packet.end(), data.begin(), data.end());
    const unsigned check = crc16(data.data(), data.data() + data.size());
    packet.push_back(check & 0xff);
    packet.push_back(check >> 8);
    return packet;
}

// The levels of a packet, one a bit, from its sync to the end of the packet.
inline Levels encode(const Bytes& packet) {
    Levels levels;
    uint8_t level = kJ;
    int ones = 0;
    auto send = [&](bool bit) {
        ones = bit ? ones + 1 : 0;
        if (!bit) level ^= kJ | kK;
        levels.push_back(level);
    };
    auto send_byte = [&](unsigned byte) {
        for (int i = 0; i < 8; ++i) {
            send(byte >> i & 1);
            if (ones == kOnes) send(false);
        }
    };
    send_byte(kSync);
    for (uint8_t byte : packet) send_byte(byte);
    levels.insert(levels.end(), {kSe0, kSe0, kJ});
    return levels;
}

// Decodes the levels before the end of a packet; an empty packet where they are none that is whole.
inline Bytes decode(const Levels& levels) {
    Bytes bytes;
    unsigned byte = 0;
    int bits = 0, ones = 0;
    uint8_t last = kJ;
    for (uint8_t level : levels) {
        const bool bit = level == last;
        last = level;
        if (level != kJ && level != kK) return {};
        const bool stuffed = ones == kOnes;
        if (stuffed && bit) return {};
        ones = bit ? ones + 1 : 0;
        if (stuffed) continue;
        byte |= unsigned(bit) << bits;
        if (++bits == 8) {
            bytes.push_back(uint8_t(byte));
            byte = bits = 0;
        }
    }
    if (bits || bytes.size() < 2 || bytes[0] != kSync) return {};
    bytes.erase(bytes.begin());
    const unsigned pid = bytes[0];
    if (((pid >> 4 ^ pid) & 0xf) != 0xf) return {};
    const bool data = pid == kData0 || pid == kData1;
    if (!data) return bytes.size() == 1 ? bytes : Bytes{};
    if (bytes.size() < 3) return {};
    const uint8_t* end = bytes.data() + bytes.size() - 2;
    const unsigned check = end[0] | end[1] << 8;
    return crc16(bytes.data() + 1, end) == check ? bytes : Bytes{};
}

// Takes samples of the wires until a packet has ended.
struct Receiver {
    Levels levels;
    uint8_t last = kJ;
    int phase = 0;
    bool active = false;

    void begin() { *this = {}; }

    // Whether a packet ended with this sample.
    bool sample(uint8_t level) {
        phase = level == last ? (phase + 1) % kSamples : 0;
        last = level;
        if (phase != 1) return false;
        active = active || level == kK;
        if (!active) return false;
        if (level == kSe0 || levels.size() > kMostBits) return true;
        levels.push_back(level);
        return false;
    }
};

}  // namespace usb
