/* This machine, to compare with. */
#include <stdint.h>
#include <stdio.h>

void board_start(void);
uint32_t board_count(void);
void board_print(const char *text);
void board_stop(void);

void board_start(void)
{
}

uint32_t board_count(void)
{
    return 0u;
}

void board_print(const char *text)
{
    (void)fputs(text, stdout);
}

void board_stop(void)
{
}
