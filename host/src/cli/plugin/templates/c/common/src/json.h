// A little JSON: members of an object, and texts written.
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

// Bytes of text, not ended by a zero.
struct text {
    const char *ptr;
    size_t len;
};

// Bytes to which more are added.
struct buffer {
    char *ptr;
    size_t len, room;
};

enum json_kind { JSON_MISSING, JSON_BROKEN, JSON_TEXT, JSON_NUMBER, JSON_OTHER };

// A member of an object: `text` is set for a text, `number` for a number.
struct json_value {
    enum json_kind kind;
    struct text text;
    double number;
};

struct text text_of(const char *zero_ended);
bool text_is(struct text text, const char *zero_ended);

void buffer_add(struct buffer *buffer, struct text text);
void buffer_add_number(struct buffer *buffer, long number);
// Adds a text as JSON, with its quotation marks.
void buffer_add_json(struct buffer *buffer, struct text text);
struct text buffer_text(const struct buffer *buffer);

// The member `name` of a JSON object; JSON_BROKEN where that is no object, or not well-formed up to there.
struct json_value json_member(struct text json, const char *name);

#endif
