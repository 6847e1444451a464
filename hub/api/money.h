// What a home's energy costs, over HTTP: tariff, bills, replays, room, advice and the report. What
// must be read first is read a piece at a time.

#pragma once

#include "hub/api/message.h"

namespace hub {

struct Call;

Response tariff(const Call&);
Response set_tariff(const Call&);
Response set_prices(const Call&);
Response bill(const Call&);
Response costs(const Call&);
Response replay(const Call&);
Response room(const Call&);

Response advice(const Call&);
Response set_facts(const Call&);
Response done(const Call&);

// A page of its own.
Response report(const Call&);

}  // namespace hub
