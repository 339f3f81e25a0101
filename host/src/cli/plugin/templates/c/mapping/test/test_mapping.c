#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "mapping.h"

static void expect(unsigned status, const char *body, enum verdict want, const char *want_text) {
    struct buffer text = {0};
    assert(verdict(status, text_of(body), &text) == want);
    assert(text_is(buffer_text(&text), want_text));
}

int main(void) {
    expect(201, "{\"id\":\"T-7\"}", ACCEPTED, "{\"ticket\":\"T-7\"}");
    expect(503, "busy", RETRY, "the help desk answers 503");
    expect(404, "", FAILED, "the help desk answers 404");
    expect(200, "{}", FAILED, "the answer has no id");
    expect(200, "<html>", FAILED, "the answer has no id");
    puts("ok");
    return 0;
}
