#ifndef MAPPING_H
#define MAPPING_H

#include "json.h"

enum verdict { ACCEPTED, RETRY, FAILED };

// What an answer means. Adds the fields of the record, a JSON object, or the reason.
enum verdict verdict(unsigned status, struct text body, struct buffer *text);

#endif
