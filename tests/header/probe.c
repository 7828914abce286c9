/* A trial program that does with sweep.h what its words say, one answer a line. Compiled as C and as C++. */

#ifdef COMMA
/* A locale whose point is a comma, which few machines have installed. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lconv *comma_localeconv(void) {
    static char point[] = ",";
    static struct lconv conv;
    conv.decimal_point = point;
    return &conv;
}

static void exchange(char *text, char from, char to) {
    for (; *text; ++text) {
        if (*text == from) *text = to;
    }
}

static double comma_strtod(const char *text, char **end) {
    static char copy[256];
    char *behind;
    if (strlen(text) >= sizeof copy) abort();
    strcpy(copy, text);
    copy[strcspn(copy, ".")] = '\0';
    exchange(copy, ',', '.');
    double number = strtod(copy, &behind);
    if (end) *end = (char *)text + (behind - copy);
    return number;
}

static int comma_snprintf(char *to, size_t size, const char *format, ...) {
    va_list words;
    va_start(words, format);
    int length = vsnprintf(to, size, format, words);
    va_end(words);
    if (strchr(format, 'g')) exchange(to, '.', ',');
    return length;
}

#define localeconv comma_localeconv
#define strtod comma_strtod
#define snprintf comma_snprintf
#endif

#include "sweep.h"

#ifdef COMMA
#undef strtod
#endif

/* In a file of its own, to see that two files may include the header. */
extern
#ifdef __cplusplus
    "C"
#endif
    double
    other_file(const char *name);

static const char *or_none(const char *text) { return text ? text : "none"; }

int main(int count, char **words) {
    for (int at = 1; at + 2 < count; at += 3) {
        const char *what = words[at], *name = words[at + 1], *value = words[at + 2];
        if (strcmp(what, "string") == 0) {
            char *text = sweep_string(name, value);
            printf("%s\n", text);
            free(text);
        } else if (strcmp(what, "double") == 0) {
            printf("%a\n", sweep_double(name, strtod(value, NULL)));
        } else if (strcmp(what, "long") == 0) {
            printf("%ld\n", sweep_long(name, strtol(value, NULL, 10)));
        } else if (strcmp(what, "bool") == 0) {
            printf("%d\n", sweep_bool(name, value[0] == '1'));
        } else if (strcmp(what, "has") == 0) {
            printf("%d %d\n", sweep_has(name), sweep_inside());
        } else if (strcmp(what, "log") == 0) {
            printf("%d\n", sweep_log(name, strtod(value, NULL)));
        } else if (strcmp(what, "log7") == 0) {
            printf("%d\n", sweep_log_at(7, name, strtod(value, NULL)));
        } else if (strcmp(what, "both") == 0) {
            const char *names[] = {name, "second"};
            const double values[] = {strtod(value, NULL), -0.0};
            printf("%d\n", sweep_log_all(8, 2, names, values));
        } else if (strcmp(what, "done") == 0) {
            printf("%d\n", sweep_done());
        } else if (strcmp(what, "stop") == 0) {
            printf("%d\n", sweep_should_stop());
        } else if (strcmp(what, "checkpoint") == 0) {
            printf("%s %s\n", or_none(sweep_checkpoint_in()), or_none(sweep_checkpoint_out()));
        } else if (strcmp(what, "budget") == 0) {
            printf("%g\n", sweep_budget(strtod(value, NULL)));
        } else if (strcmp(what, "other") == 0) {
            printf("%a\n", other_file(name));
        } else {
            return 99;
        }
    }
    return 0;
}
