#include "lenz/mail.h"

#include <chrono>
#include <expected>
#include <memory>
#include <utility>

#include "hub/integrations/notice_mail.h"
#include "hub/net/reach.h"

namespace lenz {
namespace {

constexpr std::chrono::seconds time_to_send{60};

}  // namespace

void send_mail(hub::LineClient& client, const hub::Email& settings, std::string mail,
               std::function<void(std::optional<std::string>)> done) {
  const auto talk = std::make_shared<hub::SmtpConversation>(settings, std::move(mail),
                                                            hub::is_this_machine(settings.host));
  client.talk({.host = settings.host,
               .port = settings.port,
               .is_secure = settings.is_secure,
               .next =
                   [talk](std::string_view line) {
                     auto step = talk->hear(line);
                     return hub::LineStep{.say = std::move(step.say),
                                          .must_secure = step.must_secure,
                                          .is_end = step.is_end};
                   }},
              time_to_send, [talk, done = std::move(done)](std::expected<void, std::string> ended) {
                // What the server has taken it has, however the talk ended.
                const auto refused = talk->failure();
                done(refused && !ended ? ended.error() : refused);
              });
}

}  // namespace lenz
