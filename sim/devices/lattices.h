// The lattice memories themselves: what is stored, a pending delta aside. The generated model.h names
// them in LATTICES.

#pragma once

#include <cstdint>

#include "model.h"

// Copies all rows of one lattice memory from or to `rows`. Returns 0 where there is such a memory.
template <typename Root>
int exchange_lattice(Root& root, int lattice, uint32_t* rows, int count, bool write) {
    switch (lattice) {
#define LATTICE(index, memory)                                              \
    case index:                                                             \
        for (int row = 0; row < count; ++row) {                             \
            if (write) root.memory[row] = rows[row];                        \
            else rows[row] = root.memory[row];                              \
        }                                                                   \
        return 0;
        LATTICES
#undef LATTICE
    }
    return 1;
}
