// Storing rows of the skeleton memories, as if the design had been synthesised with them. The
// generated model.h names the memories in MEMORIES.

#pragma once

#include <cstddef>
#include <cstdint>

#include "model.h"
#include "verilated.h"

inline void assign(CData& to, const uint32_t* from) { to = from[0]; }
inline void assign(SData& to, const uint32_t* from) { to = from[0]; }
inline void assign(IData& to, const uint32_t* from) { to = from[0]; }
inline void assign(QData& to, const uint32_t* from) { to = from[0] | uint64_t(from[1]) << 32; }
template <std::size_t N>
void assign(VlWide<N>& to, const uint32_t* from) {
    for (std::size_t i = 0; i < N; ++i) to[i] = from[i];
}

// Returns 0 where there is such a memory.
template <typename Root>
int store(Root& root, int memory, int row, const uint32_t* words) {
    switch (memory) {
#define MEMORY(index, rows)            \
    case index:                        \
        assign(root.rows[row], words); \
        return 0;
        MEMORIES
#undef MEMORY
    }
    return 1;
}
