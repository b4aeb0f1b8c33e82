// What Python calls of everything that answers a host over a byte stream.

#include "served.h"

#include "memories.h"

extern "C" {

Board* board_new(double ratio) { return make_board(ratio); }

void board_delete(Board* board) { delete board; }

int board_store(Board* board, int memory, int row, const uint32_t* words) {
    return store(*board->top->rootp, memory, row, words);
}

void board_pace(Board* board, double to, double from) { board->pace(to, from); }

void board_reset(Board* board, int clocks) {
    board->reset(true);
    for (int i = 0; i < clocks; ++i) board->clock();
    board->reset(false);
}

void board_send(Board* board, const uint8_t* bytes, int count) {
    board->sent.insert(board->sent.end(), bytes, bytes + count);
}

int board_receive(Board* board, uint8_t* bytes, int most) {
    int count = 0;
    for (; count < most && !board->received.empty(); ++count) {
        bytes[count] = board->received.front();
        board->received.pop_front();
    }
    return count;
}

// Clock until the byte 0 has come, or nothing has moved for so many clocks, at most `limit` in all.
uint64_t board_clock(Board* board, uint64_t limit, uint64_t quiet) {
    const uint64_t begin = board->clocks;
    while (board->clocks - begin < limit) {
        board->clock();
        if (board->quiet >= quiet) break;
        if (!board->received.empty() && board->received.back() == 0) break;
    }
    return board->clocks - begin;
}

uint64_t board_clocks(Board* board) { return board->clocks; }
uint64_t board_chip_clocks(Board* board) { return board->chip_clocks; }
uint64_t board_quiet(Board* board) { return board->quiet; }
}
