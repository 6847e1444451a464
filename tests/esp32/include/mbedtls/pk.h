#pragma once

#include <stddef.h>

typedef struct {
  void* info;
} mbedtls_pk_context;
typedef enum { MBEDTLS_MD_SHA256 = 9 } mbedtls_md_type_t;

void mbedtls_pk_init(mbedtls_pk_context* key);
void mbedtls_pk_free(mbedtls_pk_context* key);
int mbedtls_pk_parse_public_key(mbedtls_pk_context* key, const unsigned char* pem, size_t size);
int mbedtls_pk_verify(mbedtls_pk_context* key, mbedtls_md_type_t type, const unsigned char* digest,
                      size_t digest_size, const unsigned char* signature, size_t size);
