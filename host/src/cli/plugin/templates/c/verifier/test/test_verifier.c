#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "verifier.h"

static enum judgement judged(const char *given, const char *body, struct text *answer) {
    return judge(text_of(given), text_of("right"), text_of(body), answer);
}

int main(void) {
    struct text answer = {0};
    assert(judged("right", "{}", &answer) == ACCEPTED);
    assert(judged("right", "no JSON", &answer) == ACCEPTED);
    assert(judged("wrong", "{}", &answer) == REFUSED);
    assert(judged("", "{}", &answer) == REFUSED);
    assert(judged("rightright", "{}", &answer) == REFUSED);
    assert(judged("right", "{\"challenge\":\"abc\"}", &answer) == ANSWERED);
    assert(text_is(answer, "abc"));
    puts("ok");
    return 0;
}
