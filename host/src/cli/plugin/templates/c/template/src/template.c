// A template: tells a chat channel about a lead.
#include "template.h"

const char *message(struct text config, struct text lead, struct buffer *body) {
    struct json_value channel = json_member(config, "channel");
    if (channel.kind != JSON_TEXT) return "config: `channel` is missing";
    struct json_value name = json_member(lead, "name"), email = json_member(lead, "email");
    if (name.kind == JSON_BROKEN) return "input: no JSON object";
    if (name.kind != JSON_TEXT) return "input: `name` is missing";

    struct buffer text = {0};
    buffer_add(&text, text_of("New lead: "));
    buffer_add(&text, name.text);
    if (email.kind == JSON_TEXT) {
        buffer_add(&text, text_of(" ("));
        buffer_add(&text, email.text);
        buffer_add(&text, text_of(")"));
    }
    buffer_add(body, text_of("{\"channel\":"));
    buffer_add_json(body, channel.text);
    buffer_add(body, text_of(",\"text\":"));
    buffer_add_json(body, buffer_text(&text));
    buffer_add(body, text_of("}"));
    return NULL;
}
