// TLS as the clients of this folder use it.

#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <string>

#include "hub/net/reach.h"

namespace hub {

using SecureStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;

// Trusts the certificates that the system trusts (SSL_CERT_FILE and SSL_CERT_DIR name others).
inline std::shared_ptr<boost::asio::ssl::context> trusting_the_system() {
  auto tls = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
  tls->set_options(boost::asio::ssl::context::no_tlsv1 | boost::asio::ssl::context::no_tlsv1_1 |
                   boost::asio::ssl::context::no_sslv2 | boost::asio::ssl::context::no_sslv3);
  boost::system::error_code none_found;  // Then no server is trusted, and each refusal says so.
  tls->set_default_verify_paths(none_found);
  return tls;
}

// Before the handshake: which server we mean, and that it must prove to be it.
inline void expect(SecureStream& stream, const std::string& host) {
  auto* tls = stream.native_handle();
  boost::system::error_code is_a_name;
  boost::asio::ip::make_address(host, is_a_name);
  if (is_a_name) {
    SSL_set_tlsext_host_name(tls, host.c_str());
    SSL_set1_host(tls, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host.c_str());
  }
  SSL_set_verify(tls, SSL_VERIFY_PEER, nullptr);
}

// What went wrong in the handshake, as a sentence's end.
inline std::string reason(SecureStream& stream, const boost::system::error_code& error) {
  const long verdict = SSL_get_verify_result(stream.native_handle());
  if (verdict == X509_V_OK) return phrase(error);
  return std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace hub
