
/* The automaton. State: CHANNELS x HEIGHT x WIDTH codes in that order; image: IMAGE x IMAGE grey
 * levels, row by row. Nothing is allocated and nothing is kept: the caller owns every array. */

#define CELLS ((int32_t)THALWEG_HEIGHT * THALWEG_WIDTH)

/* Lays an image on a lattice: the state after step 0. */
void thalweg_encode(const uint8_t *image, int8_t *state);

/* Computes the state after a step, in place; steps count from 1. `scratch` is as large as it. */
void thalweg_step(int8_t *state, int8_t *scratch, int32_t step);

/* Reads the image that a state shows. */
void thalweg_read_out(const int8_t *state, uint8_t *image);

/* In C99, a right shift of a negative integer is the compiler's choice; these are not. */
static int32_t floor_shift(int32_t a, int n) { return a >= 0 ? a >> n : ~(~a >> n); }
static int32_t round_shift(int32_t a, int n) { return floor_shift(a + ((int32_t)1 << n >> 1), n); }
static int32_t trunc_shift(int32_t a, int n) { return a >= 0 ? a >> n : -(-a >> n); }

static int32_t clamp(int32_t a, int32_t low, int32_t high)
{
    return a < low ? low : a > high ? high : a;
}

/* The code of a channel's cell; beyond the lattice 0, or the cell of the other edge. */
static int32_t code_at(const int8_t *channel, int32_t y, int32_t x)
{
#if THALWEG_WRAP
    y = (y + THALWEG_HEIGHT) % THALWEG_HEIGHT;
    x = (x + THALWEG_WIDTH) % THALWEG_WIDTH;
#else
    if (y < 0 || y >= THALWEG_HEIGHT || x < 0 || x >= THALWEG_WIDTH)
        return 0;
#endif
    return channel[y * THALWEG_WIDTH + x];
}

void thalweg_encode(const uint8_t *image, int8_t *state)
{
    for (int32_t c = 0; c < THALWEG_CHANNELS; c++)
        for (int32_t y = 0; y < THALWEG_HEIGHT; y++)
            for (int32_t x = 0; x < THALWEG_WIDTH; x++) {
                int32_t v = y - THALWEG_TOP, u = x - THALWEG_LEFT, pixel = 0;
                if (v >= 0 && v < THALWEG_IMAGE && u >= 0 && u < THALWEG_IMAGE)
                    pixel = image[v * THALWEG_IMAGE + u];
                int32_t sum = encode_weight[c] * pixel + encode_bias[c];
                *state++ = (int8_t)clamp(round_shift(sum, encode_shift[c]), -128, 127);
            }
}

/* What a cell perceives: a code for each filter. */
static void perceive(const int8_t *state, int32_t y, int32_t x, uint8_t *hidden)
{
    int32_t taps[9];
    for (int32_t k = 0; k < THALWEG_FILTERS; k++) {
        const int8_t *channel = state + k / THALWEG_MULTIPLIER * CELLS;
        if (k % THALWEG_MULTIPLIER == 0)
            for (int i = 0; i < 9; i++)
                taps[i] = code_at(channel, y + i / 3 - 1, x + i % 3 - 1);
        int32_t sum = perceive_bias[k];
        for (int i = 0; i < 9; i++)
            sum += perceive_weight[k * 9 + i] * taps[i];
        hidden[k] = (uint8_t)clamp(round_shift(sum, perceive_shift[k]), 0, 255); /* ReLU, too */
    }
}

#if THALWEG_GATED
/* Adds the gate's answer to the state after a step at which it is open. */
static void answer(int8_t *state, int32_t step)
{
    uint8_t hidden[THALWEG_GATE_HIDDEN];
    const int8_t *plane = state + THALWEG_GATE_INPUT * CELLS;
    int8_t *target = state + THALWEG_GATE_OUTPUT * CELLS;

    if (step < THALWEG_GATE_START || (step - THALWEG_GATE_START) % THALWEG_GATE_EVERY)
        return;
    for (int32_t j = 0; j < THALWEG_GATE_HIDDEN; j++) {
        int32_t sum = gate_hidden_bias[j];
        for (int32_t i = 0; i < CELLS; i++)
            sum += (int32_t)gate_hidden_weight[j * CELLS + i] * plane[i];
        hidden[j] = (uint8_t)clamp(round_shift(sum, gate_hidden_shift[j]), 0, 127);
    }
    for (int32_t d = 0; d < CELLS / 4; d++) {
        int32_t sum = gate_output_bias[d];
        for (int32_t j = 0; j < THALWEG_GATE_HIDDEN; j++)
            sum += (int32_t)gate_output_weight[d * THALWEG_GATE_HIDDEN + j] * hidden[j];
        int32_t delta = clamp(round_shift(sum, gate_output_shift[d]), -128, 127);
        int32_t y = d / (THALWEG_WIDTH / 2) * 2, x = d % (THALWEG_WIDTH / 2) * 2;
#if THALWEG_GATE_PHASE4
        int32_t opening = (step - THALWEG_GATE_START) / THALWEG_GATE_EVERY;
        int32_t first = opening % 4, last = first; /* the cell of the four whose turn it is */
#else
        int32_t first = 0, last = 3;
#endif
        for (int32_t i = first; i <= last; i++) {
            int8_t *cell = target + (y + i / 2) * THALWEG_WIDTH + x + i % 2;
            *cell = (int8_t)clamp(*cell + delta, -128, 127);
        }
    }
}
#endif

void thalweg_step(int8_t *state, int8_t *scratch, int32_t step)
{
    uint8_t hidden[THALWEG_FILTERS];
    for (int32_t y = 0; y < THALWEG_HEIGHT; y++)
        for (int32_t x = 0; x < THALWEG_WIDTH; x++) {
            perceive(state, y, x, hidden);
            for (int32_t c = 0; c < THALWEG_CHANNELS; c++) {
                int32_t cell = c * CELLS + y * THALWEG_WIDTH + x, sum = update_bias[c];
                for (int32_t k = 0; k < THALWEG_FILTERS; k++)
                    sum += (int32_t)update_weight[c * THALWEG_FILTERS + k] * hidden[k];
                sum = state[cell] + trunc_shift(sum, update_shift[c]);
                scratch[cell] = (int8_t)clamp(sum, -128, 127);
            }
        }
    for (int32_t i = 0; i < THALWEG_CHANNELS * CELLS; i++)
        state[i] = scratch[i];
#if THALWEG_GATED
    answer(state, step);
#else
    (void)step;
#endif
}

void thalweg_read_out(const int8_t *state, uint8_t *image)
{
    for (int32_t v = 0; v < THALWEG_IMAGE; v++)
        for (int32_t u = 0; u < THALWEG_IMAGE; u++) {
            int32_t cell = (v + THALWEG_TOP) * THALWEG_WIDTH + u + THALWEG_LEFT;
            int32_t sum = readout_bias[0];
            for (int32_t c = 0; c < THALWEG_CHANNELS; c++)
                sum += readout_weight[c] * state[c * CELLS + cell];
            *image++ = (uint8_t)clamp(round_shift(sum, readout_shift[0]), 0, 255);
        }
}

#ifdef THALWEG_MAIN
#include <stdio.h>

/* Reads images from standard input, one after the other, and writes them restored. */
int main(void)
{
    static uint8_t image[THALWEG_IMAGE * THALWEG_IMAGE];
    static int8_t state[THALWEG_CHANNELS * CELLS], scratch[THALWEG_CHANNELS * CELLS];
    while (fread(image, sizeof image, 1, stdin) == 1) {
        thalweg_encode(image, state);
        for (int32_t step = 1; step <= THALWEG_STEPS; step++)
            thalweg_step(state, scratch, step);
        thalweg_read_out(state, image);
        if (fwrite(image, sizeof image, 1, stdout) != 1)
            return 1;
    }
    return 0;
}
#endif
