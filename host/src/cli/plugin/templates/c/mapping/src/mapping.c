// A mapping: reads the answer of a help desk to a new ticket.
#include "mapping.h"

enum verdict verdict(unsigned status, struct text body, struct buffer *text) {
    if (status < 200 || status > 299) {
        buffer_add(text, text_of("the help desk answers "));
        buffer_add_number(text, (long)status);
        return status == 429 || status >= 500 ? RETRY : FAILED;
    }
    struct json_value id = json_member(body, "id");
    if (id.kind != JSON_TEXT) {
        buffer_add(text, text_of("the answer has no id"));
        return FAILED;
    }
    buffer_add(text, text_of("{\"ticket\":"));
    buffer_add_json(text, id.text);
    buffer_add(text, text_of("}"));
    return ACCEPTED;
}
