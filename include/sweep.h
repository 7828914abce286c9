/* sweep.h: what a C or C++ trial program asks of its sweep and tells it. Header only; C11 or C++17, POSIX.
 *
 *     double lr = sweep_double("lr", 0.1);            // the parameter, or 0.1 outside a sweep
 *     char *solver = sweep_string("solver", "sgd");   // yours to free()
 *     for (long step = 0; step < 100; ++step) {
 *         ...
 *         if (sweep_log_at(step, "loss", loss) == SWEEP_STOP) break;
 *     }
 *     sweep_done();
 *
 * Outside a sweep every parameter has its default, nothing is written, and nobody says stop: the program needs no
 * second form. Of several processes of one trial, such as MPI's, one should report.
 *
 * A parameter that is there and is not what was asked for ends the program with a message and code 78: to go on with
 * another value than the sweep's would be a wrong result. Define SWEEP_BAD_PARAMETER(message) to do something else.
 *
 * The functions share no state, so threads may call them at the same time as long as none changes the environment.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a report answers: go on, end soon, or it could not be written (errno says why) and the trial goes on. */
enum { SWEEP_GO_ON = 0, SWEEP_STOP = 3, SWEEP_FAILED = -1 };

#ifndef SWEEP_BAD_PARAMETER
#define SWEEP_BAD_PARAMETER(message)                                                                                   \
    do {                                                                                                               \
        fprintf(stderr, "sweep.h: %s\n", message);                                                                     \
        exit(78);                                                                                                      \
    } while (0)
#endif

/* ---- inside: reading SWEEP_PARAMS, a JSON object of strings, numbers, true and false ---- */

static inline int sweep_in_hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits, or -1. */
static inline long sweep_in_hex4(const char *at) {
    long code = 0;
    for (int i = 0; i < 4; ++i) {
        int digit = sweep_in_hex(at[i]);
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

static inline char *sweep_in_utf8(char *to, long code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | (code >> 6));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | (code >> 12));
        *to++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | (code >> 18));
        *to++ = (char)(0x80 | ((code >> 12) & 0x3f));
        *to++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Reads the string that starts behind a quote into `to`, which has room for as many bytes; behind it, or NULL. */
static inline const char *sweep_in_text(const char *at, char *to) {
    while (*at != '"') {
        if (*at == '\0') return NULL;
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        ++at;
        switch (*at) {
        case 'b': *to++ = '\b'; ++at; break;
        case 'f': *to++ = '\f'; ++at; break;
        case 'n': *to++ = '\n'; ++at; break;
        case 'r': *to++ = '\r'; ++at; break;
        case 't': *to++ = '\t'; ++at; break;
        case 'u': {
            long code = sweep_in_hex4(at + 1);
            if (code < 0) return NULL;
            at += 5;
            if (code >= 0xd800 && code < 0xdc00 && at[0] == '\\' && at[1] == 'u') {
                long low = sweep_in_hex4(at + 2);
                if (low >= 0xdc00 && low < 0xe000) {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
            }
            /* Half a pair, or a NUL, has no form in a C string. */
            if (code == 0 || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
            to = sweep_in_utf8(to, code);
            break;
        }
        case '\0': return NULL;
        default: *to++ = *at++; break;
        }
    }
    *to = '\0';
    return at + 1;
}

static inline const char *sweep_in_blank(const char *at) { return at + strspn(at, " \t\r\n"); }

/* A parameter's value as text, for free(); NULL where there is none. `*found` also says that there is one. */
static inline char *sweep_in_find(const char *name, bool *found) {
    *found = false;
    const char *at = getenv("SWEEP_PARAMS");
    if (!at) return NULL;
    char *text = (char *)malloc(strlen(at) + 1);
    if (!text) return NULL;
    at = sweep_in_blank(at);
    if (*at != '{') goto none;
    at = sweep_in_blank(at + 1);
    while (*at == '"') {
        at = sweep_in_text(at + 1, text);
        if (!at) goto none;
        bool is_it = strcmp(text, name) == 0;
        at = sweep_in_blank(at);
        if (*at != ':') goto none;
        at = sweep_in_blank(at + 1);
        if (*at == '"') {
            at = sweep_in_text(at + 1, text);
            if (!at) goto none;
        } else {
            size_t length = strcspn(at, ",} \t\r\n");
            memcpy(text, at, length);
            text[length] = '\0';
            at += length;
        }
        if (is_it) {
            *found = true;
            return text;
        }
        at = sweep_in_blank(at);
        if (*at != ',') break;
        at = sweep_in_blank(at + 1);
    }
none:
    free(text);
    return NULL;
}

static inline void sweep_in_refuse(const char *name, const char *value, const char *wanted) {
    char message[256];
    snprintf(message, sizeof message, "parameter `%.60s` is `%.100s`, which is no %s", name, value, wanted);
    SWEEP_BAD_PARAMETER(message);
}

/* The number that is all of a text, whatever character the locale has for its point. */
static inline bool sweep_in_number(const char *text, double *number) {
    const char *point = localeconv()->decimal_point;
    const char *dot = strchr(text, '.');
    char *end;
    if (!dot || strcmp(point, ".") == 0) {
        *number = strtod(text, &end);
        return end != text && *end == '\0';
    }
    size_t before = (size_t)(dot - text);
    char *copy = (char *)malloc(strlen(text) + strlen(point) + 1);
    if (!copy) return false;
    memcpy(copy, text, before);
    strcpy(copy + before, point);
    strcat(copy, dot + 1);
    *number = strtod(copy, &end);
    bool is_all = end != copy && *end == '\0';
    free(copy);
    return is_all;
}

/* Beyond 2 to the 53rd a double no longer says which whole number was meant. */
static inline bool sweep_in_is_whole(double number) {
    double most = sizeof(long) == 8 ? 9007199254740992.0 : (double)LONG_MAX;
    return number >= -most && number <= most && (double)(long)number == number;
}

/* ---- inside: writing a line of JSON ---- */

/* How many bytes of a well-formed UTF-8 character stand here, or 0. */
static inline size_t sweep_in_character(const unsigned char *at) {
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
        : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; ++i) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90)
        || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

/* A string in quotes; `to` has room for six bytes for each of the text's and two more. */
static inline char *sweep_in_quoted(char *to, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    *to++ = '"';
    while (*at) {
        size_t length = sweep_in_character(at);
        if (*at == '"' || *at == '\\') {
            *to++ = '\\';
            *to++ = (char)*at++;
        } else if (*at < 0x20 || length == 0) {
            to += sprintf(to, "\\u%04x", length == 0 ? 0xfffdu : (unsigned)*at);
            ++at;
        } else {
            memcpy(to, at, length);
            to += length;
            at += length;
        }
    }
    *to++ = '"';
    return to;
}

/* The fewest digits that read back as the same number; what is no number is a string, as `sweep log` has it. */
static inline char *sweep_in_double(char *to, double value) {
    if (isnan(value)) return to + sprintf(to, "\"nan\"");
    if (isinf(value)) return to + sprintf(to, value > 0 ? "\"inf\"" : "\"-inf\"");
    char digits[64];
    for (int precision = 15; precision <= 17; ++precision) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    const char *point = localeconv()->decimal_point;
    const char *at = strcmp(point, ".") == 0 ? NULL : strstr(digits, point);
    if (!at) return to + sprintf(to, "%s", digits);
    return to + sprintf(to, "%.*s.%s", (int)(at - digits), digits, at + strlen(point));
}

/* Appends a whole line in one call, so that lines of several writers on one machine do not mix. */
static inline int sweep_in_append(const char *line, size_t length) {
    const char *path = getenv("SWEEP_METRICS");
    if (!path) return SWEEP_GO_ON;
    int flags = O_WRONLY | O_APPEND | O_CREAT;
#ifdef O_CLOEXEC
    flags |= O_CLOEXEC;
#endif
    int file = open(path, flags, 0666);
    if (file < 0) return SWEEP_FAILED;
    while (length > 0) {
        ssize_t written = write(file, line, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            int why = errno;
            close(file);
            errno = why;
            return SWEEP_FAILED;
        }
        line += written;
        length -= (size_t)written;
    }
    return close(file) == 0 ? SWEEP_GO_ON : SWEEP_FAILED;
}

static inline bool sweep_in_exists(const char *variable, const char *name) {
    const char *folder = getenv(variable);
    if (!folder) return false;
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = (char *)malloc(size);
    if (!path) return false;
    snprintf(path, size, "%s/%s", folder, name);
    bool exists = access(path, F_OK) == 0;
    free(path);
    return exists;
}

/* ---- parameters ---- */

/* Whether this process belongs to a trial. */
static inline bool sweep_inside(void) { return getenv("SWEEP_PARAMS") != NULL; }

/* Whether the trial has this parameter. One whose condition does not hold is not there. */
static inline bool sweep_has(const char *name) {
    bool found;
    free(sweep_in_find(name, &found));
    return found;
}

/* A parameter as text, or a copy of `otherwise`; for free(). NULL where `otherwise` is, or without memory. */
static inline char *sweep_string(const char *name, const char *otherwise) {
    bool found;
    char *text = sweep_in_find(name, &found);
    if (found || !otherwise) return text;
    text = (char *)malloc(strlen(otherwise) + 1);
    return text ? strcpy(text, otherwise) : NULL;
}

/* A parameter as a number, or `otherwise`. */
static inline double sweep_double(const char *name, double otherwise) {
    bool found;
    char *text = sweep_in_find(name, &found);
    if (found && !sweep_in_number(text, &otherwise)) sweep_in_refuse(name, text, "number");
    free(text);
    return otherwise;
}

/* A parameter as a whole number, or `otherwise`. `3.0` and `1e3` are whole. */
static inline long sweep_long(const char *name, long otherwise) {
    bool found;
    char *text = sweep_in_find(name, &found);
    if (found) {
        char *end;
        errno = 0;
        long whole = strtol(text, &end, 10);
        double number;
        if (end != text && *end == '\0' && errno == 0) {
            otherwise = whole;
        } else if (sweep_in_number(text, &number) && sweep_in_is_whole(number)) {
            otherwise = (long)number;
        } else {
            sweep_in_refuse(name, text, "whole number that a long holds");
        }
    }
    free(text);
    return otherwise;
}

/* A parameter as a truth, or `otherwise`: `true` and `1`, `false` and `0`. */
static inline bool sweep_bool(const char *name, bool otherwise) {
    bool found;
    char *text = sweep_in_find(name, &found);
    if (found) {
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
            otherwise = true;
        } else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) {
            otherwise = false;
        } else {
            sweep_in_refuse(name, text, "truth: true or false");
        }
    }
    free(text);
    return otherwise;
}

/* ---- reports ---- */

/* Whether the sweep was stopped or this trial is to end early. */
static inline bool sweep_should_stop(void) {
    return sweep_in_exists("SWEEP_DIR", "stopped") || sweep_in_exists("SWEEP_TRIAL_DIR", "veto");
}

/* Reports several metrics of one step at once; a negative step is none. */
static inline int sweep_log_all(long step, size_t count, const char *const *names, const double *values) {
    if (!getenv("SWEEP_METRICS")) return SWEEP_GO_ON;
    size_t size = 64;
    for (size_t i = 0; i < count; ++i) size += 6 * strlen(names[i]) + 64;
    char *line = (char *)malloc(size);
    if (!line) return SWEEP_FAILED;
    char *to = line;
    *to++ = '{';
    if (step >= 0) to += sprintf(to, "\"step\":%ld", step);
    for (size_t i = 0; i < count; ++i) {
        if (to[-1] != '{') *to++ = ',';
        to = sweep_in_quoted(to, names[i]);
        *to++ = ':';
        to = sweep_in_double(to, values[i]);
    }
    *to++ = '}';
    *to++ = '\n';
    int answer = sweep_in_append(line, (size_t)(to - line));
    free(line);
    if (answer == SWEEP_FAILED) return SWEEP_FAILED;
    return sweep_should_stop() ? SWEEP_STOP : SWEEP_GO_ON;
}

/* Reports a metric of a step. */
static inline int sweep_log_at(long step, const char *name, double value) {
    return sweep_log_all(step, 1, &name, &value);
}

/* Reports a metric; its step is the one after the report before. */
static inline int sweep_log(const char *name, double value) { return sweep_log_all(-1, 1, &name, &value); }

/* Says that the trial has done all that it was to do. */
static inline int sweep_done(void) {
    static const char line[] = "{\"final\":\"success\"}\n";
    return sweep_in_append(line, sizeof line - 1);
}

/* ---- checkpoints ---- */

/* The folder where this trial leaves its checkpoint, also for a later attempt of its own; NULL outside a sweep. */
static inline const char *sweep_checkpoint_out(void) { return getenv("SWEEP_CHECKPOINT_OUT"); }

/* The folder to go on from: the parent's, where the trial continues another; else NULL. Never to be written to. */
static inline const char *sweep_checkpoint_in(void) { return getenv("SWEEP_CHECKPOINT_IN"); }

/* How much of the resource this trial is to use in all, as Hyperband counts it; `otherwise` where the sweep says none. */
static inline double sweep_budget(double otherwise) {
    const char *text = getenv("SWEEP_BUDGET");
    if (text && !sweep_in_number(text, &otherwise)) sweep_in_refuse("SWEEP_BUDGET", text, "number");
    return otherwise;
}

#endif
