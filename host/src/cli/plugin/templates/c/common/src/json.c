#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How deep arrays and objects may nest.
#define DEPTH_MAX 64

struct text text_of(const char *zero_ended) {
    return (struct text){zero_ended, strlen(zero_ended)};
}

bool text_is(struct text text, const char *zero_ended) {
    size_t len = strlen(zero_ended);
    return text.len == len && (len == 0 || memcmp(text.ptr, zero_ended, len) == 0);
}

void buffer_add(struct buffer *buffer, struct text text) {
    if (buffer->len + text.len > buffer->room) {
        buffer->room = 2 * (buffer->len + text.len) + 64;
        buffer->ptr = realloc(buffer->ptr, buffer->room);
        if (buffer->ptr == NULL) abort();
    }
    if (text.len > 0) memcpy(buffer->ptr + buffer->len, text.ptr, text.len);
    buffer->len += text.len;
}

void buffer_add_number(struct buffer *buffer, long number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%ld", number);
    buffer_add(buffer, text_of(digits));
}

void buffer_add_json(struct buffer *buffer, struct text text) {
    buffer_add(buffer, text_of("\""));
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        char escaped[8] = {(char)c, 0};
        if (c == '"' || c == '\\') snprintf(escaped, sizeof escaped, "\\%c", c);
        else if (c < ' ') snprintf(escaped, sizeof escaped, "\\u%04x", c);
        buffer_add(buffer, text_of(escaped));
    }
    buffer_add(buffer, text_of("\""));
}

struct text buffer_text(const struct buffer *buffer) {
    return (struct text){buffer->ptr, buffer->len};
}

// What is still to be read. After an error, `at` is `end`.
struct reader {
    const char *at, *end;
    bool broken;
};

static struct json_value value(struct reader *reader, int depth);

static void fail(struct reader *reader) {
    reader->broken = true;
    reader->at = reader->end;
}

static void skip_space(struct reader *reader) {
    while (reader->at < reader->end && *reader->at != '\0' && strchr(" \t\r\n", *reader->at)) reader->at++;
}

// Takes `c`, if it is next.
static bool take(struct reader *reader, char c) {
    if (reader->at == reader->end || *reader->at != c) return false;
    reader->at++;
    return true;
}

static unsigned hex4(struct reader *reader) {
    char digits[5] = {0};
    if (reader->end - reader->at < 4) return fail(reader), 0;
    memcpy(digits, reader->at, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4) return fail(reader), 0;
    reader->at += 4;
    return (unsigned)strtoul(digits, NULL, 16);
}

static void add_utf8(struct buffer *buffer, unsigned c) {
    char b[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t at = len - 1; at > 0; at--, c >>= 6) b[at] = (char)(0x80 | (c & 63));
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    b[0] = (char)(marks[len] | c);
    buffer_add(buffer, (struct text){b, len});
}

// The character of `\u`: a pair of surrogates is one, a lone surrogate is U+FFFD.
static unsigned escaped_unicode(struct reader *reader) {
    unsigned c = hex4(reader);
    if (c < 0xd800 || c > 0xdfff) return c;
    if (c > 0xdbff || reader->end - reader->at < 6 || memcmp(reader->at, "\\u", 2) != 0) return 0xfffd;
    reader->at += 2;
    unsigned low = hex4(reader);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
}

static void escape(struct reader *reader, struct buffer *text) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end) return fail(reader);
    char c = *reader->at++;
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (name != NULL) buffer_add(text, (struct text){&meanings[name - names], 1});
    else if (c == 'u') add_utf8(text, escaped_unicode(reader));
    else fail(reader);
}

// A text whose first quotation mark is taken.
static struct text string(struct reader *reader) {
    struct buffer text = {0};
    while (reader->at < reader->end) {
        char c = *reader->at++;
        if (c == '"') return buffer_text(&text);
        if (c == '\\') escape(reader, &text);
        else if ((unsigned char)c < ' ') fail(reader);
        else buffer_add(&text, (struct text){&c, 1});
    }
    fail(reader);
    return (struct text){"", 0};
}

// The members of an object, or the elements of an array, whose first bracket is taken; finds `name` if there is one.
static struct json_value inside(struct reader *reader, char close, const char *name, int depth) {
    struct json_value found = {.kind = JSON_MISSING};
    skip_space(reader);
    if (take(reader, close)) return found;
    do {
        struct text member = {"", 0};
        skip_space(reader);
        if (close == '}') {
            if (!take(reader, '"')) return fail(reader), found;
            member = string(reader);
            skip_space(reader);
            if (!take(reader, ':')) return fail(reader), found;
        }
        struct json_value one = value(reader, depth);
        if (name != NULL && text_is(member, name)) found = one;
        skip_space(reader);
    } while (take(reader, ','));
    if (!take(reader, close)) fail(reader);
    return found;
}

static struct json_value number(struct reader *reader) {
    char digits[64];
    size_t len = 0;
    while (reader->at < reader->end && len + 1 < sizeof digits && *reader->at != '\0' &&
           strchr("+-.0123456789eE", *reader->at)) {
        digits[len++] = *reader->at++;
    }
    digits[len] = '\0';
    char *end;
    double number = strtod(digits, &end);
    if (len == 0 || *end != '\0') fail(reader);
    return (struct json_value){.kind = JSON_NUMBER, .number = number};
}

static struct json_value value(struct reader *reader, int depth) {
    struct json_value other = {.kind = JSON_OTHER};
    skip_space(reader);
    if (depth == 0) return fail(reader), other;
    if (take(reader, '"')) return (struct json_value){.kind = JSON_TEXT, .text = string(reader)};
    if (take(reader, '{')) return inside(reader, '}', NULL, depth - 1), other;
    if (take(reader, '[')) return inside(reader, ']', NULL, depth - 1), other;
    static const char *const words[] = {"true", "false", "null"};
    for (size_t word = 0; word < 3; word++) {
        size_t len = strlen(words[word]);
        if ((size_t)(reader->end - reader->at) >= len && memcmp(reader->at, words[word], len) == 0) {
            reader->at += len;
            return other;
        }
    }
    return number(reader);
}

struct json_value json_member(struct text json, const char *name) {
    struct reader reader = {json.ptr, json.ptr + json.len, false};
    struct json_value found = {.kind = JSON_BROKEN};
    skip_space(&reader);
    if (!take(&reader, '{')) return found;
    found = inside(&reader, '}', name, DEPTH_MAX);
    skip_space(&reader);
    if (reader.broken || reader.at < reader.end) found.kind = JSON_BROKEN;
    return found;
}
