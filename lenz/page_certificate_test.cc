// Who vouches for the page: the hub's own authority, which can speak for its names alone, and a
// certificate of the owner's, which others renew.

#include "lenz/page_certificate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "lenz/broker_certificate.h"
#include "lenz/certificate.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;
using std::chrono::days;

constexpr Timestamp new_year{std::chrono::milliseconds(1'767'225'600'000)};  // 2026-01-01T00:00Z

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_key_of(const std::string& key_text, const std::string& certificate_text) {
  const auto memory = [](const std::string& text) {
    return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  };
  auto *key_memory = memory(key_text), *certificate_memory = memory(certificate_text);
  auto* key = PEM_read_bio_PrivateKey(key_memory, nullptr, nullptr, nullptr);
  auto* certificate = PEM_read_bio_X509(certificate_memory, nullptr, nullptr, nullptr);
  const bool matches = X509_check_private_key(certificate, key) == 1;
  X509_free(certificate);
  EVP_PKEY_free(key);
  BIO_free(certificate_memory);
  BIO_free(key_memory);
  return matches;
}

void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

struct PageCertificates : testing::Test {
  TemporaryFolder folder;
  std::vector<std::string> said;

  std::unique_ptr<PageCertificate> shown_for(std::vector<std::string> names,
                                             Timestamp now = new_year) {
    return page_certificate({.names = std::move(names)}, folder.path(), now,
                            [this](const std::string& text) { said.push_back(text); });
  }
  // What a browser thinks that trusts the hub's authority.
  static std::string thought(const PageCertificate& page, const std::string& host,
                             Timestamp now = new_year) {
    return distrust(page.shown().chain, page.authority(), host, now);
  }
};

using Authority = PageCertificates;

TEST_F(Authority, VouchesForEveryNameThatItWasGiven) {
  const auto page = shown_for({"lenz.local", "192.168.1.20", "fd00::1"});

  for (const auto* name : {"lenz.local", "192.168.1.20", "fd00::1"}) {
    EXPECT_EQ(thought(*page, name), "") << name;
  }
  EXPECT_THAT(thought(*page, "other.local"), HasSubstr("hostname mismatch"));
  EXPECT_THAT(thought(*page, "192.168.1.21"), HasSubstr("IP address mismatch"));
  EXPECT_THAT(said, IsEmpty());
}

// Whoever steals the issuer's key signs whatever he likes, and no browser believes it.
TEST_F(Authority, CannotSpeakForAnotherName) {
  const auto signed_for = [this](const PageCertificate& page, const std::string& host) {
    const auto file = text_of(folder.path() + "/page_authority.pem");
    const CertificateAndKey issuer{certificates_in(file).at(1), file};
    const auto forged =
        draw_certificate({.subject = "The page of Lenz",
                          .begin = new_year - 24h,
                          .end = new_year + days(30),
                          .extensions = {{"basicConstraints", "critical,CA:FALSE"},
                                         {"extendedKeyUsage", "serverAuth"},
                                         {"subjectKeyIdentifier", "hash"},
                                         {"authorityKeyIdentifier", "keyid:always"},
                                         {"subjectAltName", alternative_name(host)}}},
                         &issuer);
    return distrust(forged.certificate + issuer.certificate, page.authority(), host, new_year);
  };
  const auto names_only = shown_for({"lenz.local"});
  EXPECT_EQ(signed_for(*names_only, "lenz.local"), "");
  for (const auto* name : {"bank.example", "local", "evillenz.local", "192.168.1.1", "::1"}) {
    EXPECT_THAT(signed_for(*names_only, name),
                testing::AnyOf(HasSubstr("permitted subtree violation"),
                               HasSubstr("excluded subtree violation")))
        << name;
  }
  const auto addresses_only = shown_for({"192.168.1.20"});
  EXPECT_EQ(signed_for(*addresses_only, "192.168.1.20"), "");
  for (const auto* name : {"bank.example", "lenz.local", "192.168.1.21", "fd00::1"}) {
    EXPECT_THAT(signed_for(*addresses_only, name), HasSubstr("permitted subtree violation"))
        << name;
  }
}

TEST_F(Authority, SignsNoOtherAuthority) {
  const auto page = shown_for({"lenz.local"});
  const auto file = text_of(folder.path() + "/page_authority.pem");
  const CertificateAndKey issuer{certificates_in(file).at(1), file};
  CertificateWords words{.subject = "Another",
                         .begin = new_year - 24h,
                         .end = new_year + days(30),
                         .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                                        {"keyUsage", "critical,keyCertSign"},
                                        {"subjectKeyIdentifier", "hash"},
                                        {"authorityKeyIdentifier", "keyid:always"}}};
  const auto another = draw_certificate(words, &issuer);
  words.extensions[0].second = "critical,CA:FALSE";
  words.extensions[1].second = "critical,digitalSignature";
  words.extensions.push_back({"subjectAltName", "DNS:lenz.local"});
  const auto leaf = draw_certificate(words, &another);

  EXPECT_THAT(distrust(leaf.certificate + another.certificate + issuer.certificate,
                       page->authority(), "lenz.local", new_year),
              HasSubstr("path length constraint exceeded"));
}

TEST_F(Authority, StaysThroughRestartsAndRenewals) {
  const auto page = shown_for({"lenz.local"});
  const auto root = page->authority(), chain = page->shown().chain;

  EXPECT_EQ(shown_for({"lenz.local"}, new_year + 24h)->shown().chain, chain);
  const auto later = shown_for({"lenz.local"}, new_year + days(7 * 365));

  EXPECT_NE(later->shown().chain, chain);
  EXPECT_EQ(later->authority(), root);
  EXPECT_EQ(thought(*later, "lenz.local", new_year + days(7 * 365)), "");
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(Authority, RenewsThePagesCertificateTwoMonthsBeforeItsEnd) {
  const auto page = shown_for({"lenz.local"});
  const auto chain = page->shown().chain;
  EXPECT_EQ(thought(*page, "lenz.local", new_year + days(395)), "");
  // 397 days from the day before are the most that browsers take.
  EXPECT_THAT(thought(*page, "lenz.local", new_year + days(396) + 1s), HasSubstr("expired"));

  EXPECT_FALSE(page->renewed(new_year + days(335)).value());
  const auto renewed = page->renewed(new_year + days(337)).value();

  ASSERT_TRUE(renewed);
  EXPECT_NE(renewed->chain, chain);
  EXPECT_EQ(thought(*page, "lenz.local", new_year + days(337 + 395)), "");
  EXPECT_FALSE(page->renewed(new_year + days(338)).value());
}

TEST_F(Authority, IsANewOneWhenANameIsAddedOrItEndsSoonAndThatIsSaid) {
  const auto root = shown_for({"lenz.local"})->authority();

  const auto more = shown_for({"lenz.local", "lenz.lan"});
  EXPECT_NE(more->authority(), root);
  EXPECT_EQ(thought(*more, "lenz.lan"), "");
  EXPECT_THAT(said, ElementsAre(HasSubstr("must trust it again")));

  // A name less needs none.
  EXPECT_EQ(shown_for({"lenz.lan"})->authority(), more->authority());
  EXPECT_EQ(said.size(), 1u);

  const auto old = new_year + days(8 * 365 + 10);
  EXPECT_NE(shown_for({"lenz.lan"}, old)->authority(), more->authority());
  EXPECT_EQ(said.size(), 2u);
}

TEST_F(Authority, IsMadeAnewWhenItsFileIsDamaged) {
  const auto root = shown_for({"lenz.local"})->authority();
  const auto file = folder.path() + "/page_authority.pem";
  write(file, text_of(file).substr(0, 1500));

  const auto page = shown_for({"lenz.local"});

  EXPECT_NE(page->authority(), root);
  EXPECT_EQ(thought(*page, "lenz.local"), "");
  EXPECT_EQ(said.size(), 1u);
}

TEST_F(Authority, ShowsItsKeysToItsOwnerOnlyAndForgetsTheRoots) {
  shown_for({"lenz.local"});

  for (const auto* name : {"/page_authority.pem", "/page.pem"}) {
    struct stat found {};
    ASSERT_EQ(stat((folder.path() + name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777u, 0600u) << name;
  }
  const auto file = text_of(folder.path() + "/page_authority.pem");
  const auto root = certificates_in(file).at(0);
  // The one key that is kept is the issuer's.
  EXPECT_EQ(file.find("BEGIN PRIVATE KEY"), file.rfind("BEGIN PRIVATE KEY"));
  EXPECT_TRUE(is_key_of(file, certificates_in(file).at(1)));
  EXPECT_FALSE(is_key_of(file, root));
}

TEST_F(Authority, IsNoneOfTheBrokersBusiness) {
  const auto broker = broker_certificate(folder.path(), "lenz.local");
  shown_for({"lenz.local"});

  const auto after = broker_certificate(folder.path(), "lenz.local");

  EXPECT_EQ(after.certificate, broker.certificate);
  EXPECT_EQ(after.key, broker.key);
  EXPECT_FALSE(after.is_new);
}

TEST(Names, AreOnlyThoseThatACertificateCanHave) {
  EXPECT_THAT(checked_names({"Lenz.Local", "192.168.1.20", "FD00:0::1"}),
              ElementsAre("lenz.local", "192.168.1.20", "fd00::1"));
  for (const auto* name :
       {"", ".", "lenz.local.", "lenz..local", "*.local", "lenz.local:8443", "lenz.local,DNS:bank",
        "http://lenz.local", "[fd00::1]", "l\xC3\xA9nz.local", "a b"}) {
    EXPECT_THROW(checked_names({name}), std::runtime_error) << name;
  }
  EXPECT_THROW(checked_names({"lenz.local", "LENZ.local"}), std::runtime_error);
}

// What an ACME client leaves and renews.
struct OwnersOwn : PageCertificates {
  const std::string file = folder.path() + "/own.crt", key = folder.path() + "/own.key";

  static CertificateAndKey drawn(const std::string& host, Timestamp end) {
    return draw_certificate({.subject = host,
                             .begin = new_year - 24h,
                             .end = end,
                             .extensions = {{"subjectAltName", "DNS:" + host}}});
  }
  void put(const CertificateAndKey& made) const {
    write(file, made.certificate);
    write(key, made.key);
  }
  std::unique_ptr<PageCertificate> shown() {
    return page_certificate({.names = {"lenz.example"}, .certificate = file, .key = key},
                            folder.path(), new_year,
                            [this](const std::string& text) { said.push_back(text); });
  }
};

TEST_F(OwnersOwn, IsShownAsItIsAndHasNoAuthority) {
  const auto made = drawn("lenz.example", new_year + days(90));
  put(made);

  const auto page = shown();

  EXPECT_EQ(page->shown().chain, made.certificate);
  EXPECT_EQ(page->shown().key, made.key);
  EXPECT_EQ(page->authority(), "");
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(OwnersOwn, IsTakenUpWhenBothOfItsFilesWereReplaced) {
  put(drawn("lenz.example", new_year + days(90)));
  const auto page = shown();
  const auto next = drawn("lenz.example", new_year + days(180));
  EXPECT_FALSE(page->renewed(new_year).value());

  write(file, next.certificate);
  EXPECT_FALSE(page->renewed(new_year).value());
  write(key, next.key);
  EXPECT_FALSE(page->renewed(new_year).value());
  const auto renewed = page->renewed(new_year).value();

  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->chain, next.certificate);
  EXPECT_EQ(renewed->key, next.key);
  EXPECT_FALSE(page->renewed(new_year).value());
}

TEST_F(OwnersOwn, StaysWhenTheNewOneIsForAnotherNameOrOverOrGone) {
  const auto made = drawn("lenz.example", new_year + days(90));
  put(made);
  const auto page = shown();
  const auto trouble = [&] {
    static_cast<void>(page->renewed(new_year));
    const auto renewed = page->renewed(new_year);
    return renewed ? "" : renewed.error();
  };

  put(drawn("bank.example", new_year + days(90)));
  EXPECT_THAT(trouble(), HasSubstr("is not for lenz.example"));
  put(drawn("lenz.example", new_year - 1h));
  EXPECT_THAT(trouble(), HasSubstr("renew it"));
  write(file, "");
  EXPECT_THAT(trouble(), HasSubstr("cannot be read"));
  EXPECT_EQ(page->shown().chain, made.certificate);
}

TEST_F(OwnersOwn, KeepsNoHubFromStartingByItsAgeOnlyByItsAbsence) {
  put(drawn("lenz.example", new_year - 1h));
  shown();
  EXPECT_THAT(said, ElementsAre(HasSubstr("renew it")));

  std::filesystem::remove(key);
  EXPECT_THROW(shown(), std::runtime_error);
}

}  // namespace
}  // namespace lenz
