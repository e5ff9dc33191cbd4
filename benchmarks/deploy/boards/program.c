/* Replays samples on a board and says what came out: a sum over the bits of all answers, the worst error of floats, what a step costs. */
#include "samples.h"

#include <stdint.h>

void board_start(void);
uint32_t board_count(void); /* goes up with every instruction or clock, in units of BOARD_UNIT */
void board_print(const char *text);
void board_stop(void);

static void print_number(const char *before, uint32_t v)
{
    char text[12];
    int at = 11;
    text[at] = 0;
    do {
        text[--at] = (char)('0' + v % 10u);
        v /= 10u;
    } while (v != 0u);
    board_print(before);
    board_print(text + at);
    board_print("\n");
}

static NET_state s;

int main(void)
{
    uint32_t sum = 2166136261u, spent = 0u, status = 0u;
    number y[OUTPUTS], worst = 0;
    int k, i;
    board_start();
    NET_reset(&s);
    for (k = 0; k < STEPS; ++k) {
        const uint32_t before = board_count();
        status |= (uint32_t)NET_step(&s, samples[k], gaps[k], y);
        spent += board_count() - before;
        for (i = 0; i < OUTPUTS; ++i) {
            const number away = y[i] > expected[k][i] ? y[i] - expected[k][i] : expected[k][i] - y[i];
            worst = away > worst ? away : worst;
            sum = (sum ^ (uint32_t)(int32_t)y[i]) * 16777619u; /* FNV, a number at a time */
        }
    }
    print_number("status ", status);
    print_number("sum ", sum);
    print_number("worst ", (uint32_t)(worst * WORST_UNIT));
    print_number("count ", spent / STEPS);
    board_stop();
    return 0;
}
