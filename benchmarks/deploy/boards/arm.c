/* A Cortex-M in QEMU: semihosting to print and to stop, SysTick to count (with -icount shift=0 an instruction takes a nanosecond). */
#include <stdint.h>

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;
int main(void);
void board_reset(void);
void board_start(void);
uint32_t board_count(void);
void board_print(const char *text);
void board_stop(void);

static void semihosting(int32_t what, const void *with)
{
    register int32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = with;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_reset(void)
{
    uint32_t *to, *from = &data_load;
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88u |= 0xf00000u; /* the coprocessors that are the FPU */
    __asm__ volatile("dsb\nisb");
#endif
    for (to = &data_start; to < &data_end; ++to) {
        *to = *from++;
    }
    for (to = &bss_start; to < &bss_end; ++to) {
        *to = 0u;
    }
    (void)main();
    board_stop();
}

static void fault(void)
{
    board_print("fault\n");
    board_stop();
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &stack_top, (void *)board_reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};

void board_start(void)
{
    *(volatile uint32_t *)0xe000e014u = 0xffffffu; /* SysTick: reload, value, control */
    *(volatile uint32_t *)0xe000e018u = 0u;
    *(volatile uint32_t *)0xe000e010u = 5u;
}

uint32_t board_count(void)
{
    static uint32_t total = 0u, last = 0u;
    const uint32_t now = 0xffffffu - (*(volatile uint32_t *)0xe000e018u & 0xffffffu);
    total += ((now - last) & 0xffffffu) * BOARD_UNIT;
    last = now;
    return total;
}

void board_print(const char *text)
{
    semihosting(4, text); /* SYS_WRITE0 */
}

void board_stop(void)
{
    semihosting(0x18, (const void *)0x20026); /* SYS_EXIT, ADP_Stopped_ApplicationExit */
    for (;;) {
    }
}
