#include "firmware/mail_box.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace firmware {
namespace {

using Box = MailBox<2, 4>;

bool put(Box& box, Mail mail, std::string_view text) {
  return box.put(mail, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// "r:text" of a request, "s:text" of what is stored, "" of nothing.
std::string take(Box& box, std::size_t room = 4) {
  std::array<std::uint8_t, 4> buffer{};
  const auto received = box.take(std::span(buffer).first(room));
  if (!received) return "";
  return (received->mail == Mail::request ? "r:" : "s:") +
         std::string(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(received->size));
}

TEST(MailBox, WhatWasHeardFirstIsReadFirst) {
  Box box;
  EXPECT_EQ(take(box), "");
  put(box, Mail::stored, "one");
  put(box, Mail::request, "two");

  EXPECT_EQ(take(box), "s:one");
  EXPECT_EQ(take(box), "r:two");
  EXPECT_EQ(take(box), "");
}

TEST(MailBox, WhereThereIsNoRoomTheOldestGoes) {
  Box box;
  for (const auto text : {"one", "two", "3", "four"}) put(box, Mail::stored, text);

  EXPECT_EQ(take(box), "s:3");
  EXPECT_EQ(take(box), "s:four");
  EXPECT_EQ(take(box), "");
}

TEST(MailBox, WhatIsTooLongIsNotTakenAndWhatIsCutFitsTheReader) {
  Box box;
  EXPECT_FALSE(put(box, Mail::stored, "five!"));
  EXPECT_EQ(take(box), "");
  put(box, Mail::stored, "four");
  EXPECT_EQ(take(box, 2), "s:fo");
}

}  // namespace
}  // namespace firmware
