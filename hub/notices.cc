#include "hub/notices.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "insight/identification/bytes.h"

namespace hub {

using measurement::Timestamp;
using std::chrono::days;

namespace {

constexpr std::uint8_t memory_version = 1;
constexpr std::size_t most_told = 500;

void put(std::string& bytes, const Notice& notice) {
  insight::put(bytes, notice.number);
  insight::put_text(bytes, notice.about);
  insight::put(bytes, notice.sending);
  insight::put(bytes, notice.is_danger);
  insight::put(bytes, notice.time);
  insight::put_text(bytes, notice.title);
  insight::put_text(bytes, notice.text);
}

bool take(std::string_view& bytes, Notice& notice) {
  std::uint8_t sending = 0;
  const bool is_whole =
      insight::take(bytes, notice.number) && insight::take_text(bytes, notice.about) &&
      insight::take(bytes, sending) && sending < sending_words.size() &&
      insight::take(bytes, notice.is_danger) && insight::take(bytes, notice.time) &&
      insight::take_text(bytes, notice.title) && insight::take_text(bytes, notice.text);
  notice.sending = static_cast<Sending>(sending);
  return is_whole;
}

}  // namespace

NoticeQueue::NoticeQueue(UtcOffset utc_offset, std::string_view memory)
    : utc_offset_(std::move(utc_offset)) {
  if (take_memory(memory)) return;
  waiting_.clear();
  recent_.clear();
  told_.clear();
  last_number_ = lost_ = 0;
}

void NoticeQueue::set_channels(std::vector<std::string> channels) {
  channels_ = std::move(channels);
  const auto dropped = std::erase_if(waiting_, [&](const Waiting& one) {
    return std::ranges::find(channels_, one.channel) == channels_.end();
  });
  if (dropped > 0) ++revision_;
}

bool NoticeQueue::add(Notice notice, Timestamp now, std::chrono::minutes again_after) {
  const auto told = told_.find(notice.about);
  if (told != told_.end() && now - told->second < again_after) return false;
  told_.insert_or_assign(notice.about, now);
  if (told_.size() > most_told) {
    told_.erase(std::ranges::min_element(told_, {}, [](const auto& one) { return one.second; }));
  }
  notice.number = ++last_number_;
  for (const auto& channel : channels_) {
    waiting_.push_back({.notice = notice, .channel = channel, .first_try = {}, .next_try = {}});
  }
  recent_.insert(recent_.begin(), std::move(notice));
  if (recent_.size() > most_recent) recent_.pop_back();
  for (; waiting_.size() > most_waiting; ++lost_) waiting_.erase(waiting_.begin());
  ++revision_;
  return true;
}

void NoticeQueue::withdraw(std::string_view about) {
  const auto gone =
      std::erase_if(waiting_, [&](const Waiting& one) { return one.notice.about == about; });
  if (gone > 0) ++revision_;
}

bool NoticeQueue::is_quiet(Timestamp now) const {
  const auto local = now + utc_offset_(now);
  const auto minute = local - std::chrono::floor<days>(local);
  const auto& [begin, end, day, at] = times_;
  if (begin <= end) return minute >= begin && minute < end;
  return minute >= begin || minute < end;
}

Timestamp NoticeQueue::last_digest(Timestamp now) const {
  const auto offset = utc_offset_(now);
  const auto today = std::chrono::floor<days>(now + offset);
  const auto since = std::chrono::weekday(today) - times_.digest_day;
  const auto digest = Timestamp(today - since + times_.digest_at) - offset;
  return digest <= now ? digest : digest - days(7);
}

bool NoticeQueue::is_due(const Notice& notice, Timestamp now) const {
  switch (notice.sending) {
    case Sending::at_once:
      return true;
    case Sending::today:
      return !is_quiet(now);
    case Sending::digest:
      return notice.time < last_digest(now);
  }
  return true;
}

std::optional<Notice> NoticeQueue::next(const std::string& channel, Timestamp now) {
  std::vector<const Notice*> digest;
  for (const auto& one : waiting_) {
    if (one.channel != channel || now < one.next_try || !is_due(one.notice, now)) continue;
    if (one.notice.sending != Sending::digest) return one.notice;
    digest.push_back(&one.notice);
  }
  if (digest.empty()) return std::nullopt;
  if (digest.size() == 1) return *digest.front();
  Notice together = *digest.back();  // Those up to its number.
  together.about = "digest";
  together.title = fmt::format("{} things worth a look this week", digest.size());
  together.text.clear();
  for (const auto* one : digest) {
    together.text +=
        fmt::format("{}{}\n{}", together.text.empty() ? "" : "\n\n", one->title, one->text);
  }
  return together;
}

void NoticeQueue::done(const std::string& channel, const Notice& notice, bool is_taken,
                       Timestamp now) {
  const auto is_meant = [&](const Waiting& one) {
    return one.channel == channel &&
           (one.notice.number == notice.number ||
            (notice.about == "digest" && one.notice.sending == Sending::digest &&
             one.notice.number < notice.number && is_due(one.notice, now)));
  };
  ++revision_;
  if (is_taken) {
    std::erase_if(waiting_, is_meant);
    return;
  }
  for (auto& one : waiting_) {
    if (!is_meant(one)) continue;
    if (one.tries++ == 0) one.first_try = now;
    const auto pause = first_pause * (1 << std::min(one.tries - 1, 6u));
    one.next_try = now + std::min<std::chrono::minutes>(pause, longest_pause);
  }
  lost_ += std::erase_if(waiting_, [&](const Waiting& one) {
    return one.tries > 0 && now - one.first_try >= given_up_after;
  });
}

std::string NoticeQueue::memory() const {
  std::string bytes;
  insight::put(bytes, memory_version);
  insight::put(bytes, last_number_);
  insight::put(bytes, lost_);
  insight::put(bytes, static_cast<std::uint32_t>(waiting_.size()));
  for (const auto& one : waiting_) {
    put(bytes, one.notice);
    insight::put_text(bytes, one.channel);
    insight::put(bytes, one.tries);
    insight::put(bytes, one.first_try);
    insight::put(bytes, one.next_try);
  }
  insight::put(bytes, static_cast<std::uint32_t>(recent_.size()));
  for (const auto& notice : recent_) put(bytes, notice);
  insight::put(bytes, static_cast<std::uint32_t>(told_.size()));
  for (const auto& [about, time] : told_) {
    insight::put_text(bytes, about);
    insight::put(bytes, time);
  }
  return bytes;
}

bool NoticeQueue::take_memory(std::string_view bytes) {
  std::uint8_t version = 0;
  std::uint32_t count = 0;
  if (!insight::take(bytes, version) || version != memory_version ||
      !insight::take(bytes, last_number_) || !insight::take(bytes, lost_) ||
      !insight::take(bytes, count)) {
    return false;
  }
  for (; count > 0; --count) {
    auto& one = waiting_.emplace_back();
    if (!take(bytes, one.notice) || !insight::take_text(bytes, one.channel) ||
        !insight::take(bytes, one.tries) || !insight::take(bytes, one.first_try) ||
        !insight::take(bytes, one.next_try)) {
      return false;
    }
  }
  if (!insight::take(bytes, count)) return false;
  for (; count > 0; --count) {
    if (!take(bytes, recent_.emplace_back())) return false;
  }
  if (!insight::take(bytes, count)) return false;
  for (; count > 0; --count) {
    std::string about;
    Timestamp time{};
    if (!insight::take_text(bytes, about) || !insight::take(bytes, time)) return false;
    told_.emplace(std::move(about), time);
  }
  return bytes.empty();
}

}  // namespace hub
