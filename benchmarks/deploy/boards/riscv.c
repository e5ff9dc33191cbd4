/* rv32imac on QEMU's virt machine: its UART to print, its test device to stop, minstret to count instructions. */
#include <stdint.h>

int main(void);
void board_start(void);
uint32_t board_count(void);
void board_print(const char *text);
void board_stop(void);

__asm__(".section .start\n.global _start\n_start:\nla sp, stack_top\ncall main\n1: j 1b\n");

void board_start(void)
{
}

uint32_t board_count(void)
{
    uint32_t now;
    __asm__ volatile("csrr %0, minstret" : "=r"(now));
    return now;
}

void board_print(const char *text)
{
    for (; *text != 0; ++text) {
        *(volatile uint8_t *)0x10000000u = (uint8_t)*text;
    }
}

void board_stop(void)
{
    *(volatile uint32_t *)0x100000u = 0x5555u;
    for (;;) {
    }
}
