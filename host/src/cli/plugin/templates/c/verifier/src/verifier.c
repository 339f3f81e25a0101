// A verifier: takes calls that have the right token in a header, and answers challenges.
#include "verifier.h"

// Compares in a time that depends on the length alone, so that it tells nothing of the token.
static bool same(struct text a, struct text b) {
    if (a.len != b.len) return false;
    unsigned char difference = 0;
    for (size_t at = 0; at < a.len; at++) difference |= (unsigned char)(a.ptr[at] ^ b.ptr[at]);
    return difference == 0;
}

enum judgement judge(struct text given, struct text token, struct text body, struct text *answer) {
    if (!same(given, token)) return REFUSED;
    struct json_value challenge = json_member(body, "challenge");
    if (challenge.kind != JSON_TEXT) return ACCEPTED;
    *answer = challenge.text;
    return ANSWERED;
}
