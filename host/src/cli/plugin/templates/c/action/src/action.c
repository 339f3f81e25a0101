// An action: a step of a workflow that scores a lead.
#include "action.h"

#include <string.h>

const char *score(struct text lead, struct buffer *output) {
    struct json_value email = json_member(lead, "email"), value = json_member(lead, "contract_value");
    if (email.kind == JSON_BROKEN) return "input: no JSON object";
    long points = 0;
    if (email.kind == JSON_TEXT && email.text.len > 0 && memchr(email.text.ptr, '@', email.text.len)) points += 40;
    if (value.kind == JSON_NUMBER && value.number >= 10000) points += 60;
    else if (value.kind == JSON_NUMBER && value.number >= 1000) points += 30;

    buffer_add(output, text_of("{\"score\":"));
    buffer_add_number(output, points);
    buffer_add(output, text_of(points >= 70 ? ",\"segment\":\"hot\"}" : ",\"segment\":\"cold\"}"));
    return NULL;
}
