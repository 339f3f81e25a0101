#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "action.h"

static void expect(const char *lead, const char *want) {
    struct buffer output = {0};
    assert(score(text_of(lead), &output) == NULL);
    assert(text_is(buffer_text(&output), want));
}

int main(void) {
    expect("{\"email\":\"anna@example.com\",\"contract_value\":12500}", "{\"score\":100,\"segment\":\"hot\"}");
    expect("{\"email\":null}", "{\"score\":0,\"segment\":\"cold\"}");
    expect("{\"contract_value\":1e3}", "{\"score\":30,\"segment\":\"cold\"}");
    struct buffer output = {0};
    assert(score(text_of("[]"), &output) != NULL);
    puts("ok");
    return 0;
}
