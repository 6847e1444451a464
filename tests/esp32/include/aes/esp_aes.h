#pragma once

#define ESP_AES_ENCRYPT 1

typedef struct {
  unsigned char key_bytes, key[32];
} esp_aes_context;

void esp_aes_init(esp_aes_context* context);
int esp_aes_setkey(esp_aes_context* context, const unsigned char* key, unsigned int bits);
int esp_aes_crypt_ecb(esp_aes_context* context, int mode, const unsigned char input[16],
                      unsigned char output[16]);
