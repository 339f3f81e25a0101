#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "template.h"

static const char CONFIG[] = "{\"channel\":\"#sales\"}";

static void expect(const char *lead, const char *want) {
    struct buffer body = {0};
    const char *problem = message(text_of(CONFIG), text_of(lead), &body);
    if (problem != NULL) assert(strcmp(problem, want) == 0);
    else assert(text_is(buffer_text(&body), want));
}

int main(void) {
    expect("{\"name\":\"Anna\",\"email\":\"anna@example.com\"}",
        "{\"channel\":\"#sales\",\"text\":\"New lead: Anna (anna@example.com)\"}");
    expect(" { \"x\" : [1, {\"name\": 2}], \"name\" : \"Zo\\u00eb \\ud83d\\udc4b \\\"Z\\\"\" } ",
        "{\"channel\":\"#sales\",\"text\":\"New lead: Zo\xc3\xab \xf0\x9f\x91\x8b \\\"Z\\\"\"}");
    expect("{}", "input: `name` is missing");
    const char *const broken[] = {"", "[]", "{", "{\"name\":\"A\"", "{\"name\":\"A\"}}", "{\"a\":tru}", "{\"a\":\"\\x\"}"};
    for (size_t at = 0; at < sizeof broken / sizeof *broken; at++) expect(broken[at], "input: no JSON object");
    puts("ok");
    return 0;
}
