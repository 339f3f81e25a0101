#ifndef VERIFIER_H
#define VERIFIER_H

#include "json.h"

enum judgement { ACCEPTED, REFUSED, ANSWERED };

// What a call is, by the token that it has (`given`) and the right one, which is not empty. For a challenge, sets its
// answer.
enum judgement judge(struct text given, struct text token, struct text body, struct text *answer);

#endif
