/* An ATmega1284P in simavr: its UART to print, sleep without interrupts to stop, timer 1 at an eighth of the clock to count. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>

void board_start(void);
uint32_t board_count(void);
void board_print(const char *text);
void board_stop(void);

static volatile uint16_t overflows;

ISR(TIMER1_OVF_vect)
{
    ++overflows;
}

void board_start(void)
{
    UCSR0B = (uint8_t)(1 << TXEN0);
    TCCR1B = (uint8_t)(1 << CS11);
    TIMSK1 = (uint8_t)(1 << TOIE1);
    sei();
}

uint32_t board_count(void)
{
    uint32_t now;
    cli();
    now = TCNT1;
    if ((TIFR1 & (1 << TOV1)) != 0 && now < 32768u) {
        now += 65536u;
    }
    now += (uint32_t)overflows << 16;
    sei();
    return now * BOARD_UNIT;
}

void board_print(const char *text)
{
    for (; *text != 0; ++text) {
        while ((UCSR0A & (1 << UDRE0)) == 0) {
        }
        UDR0 = (uint8_t)*text;
    }
}

void board_stop(void)
{
    cli();
    sleep_enable();
    sleep_cpu();
}
