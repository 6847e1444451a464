#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <type_traits>
#include <vector>

namespace esphome {

class ESPPreferenceObject {
 public:
  explicit ESPPreferenceObject(std::vector<unsigned char>& bytes) : bytes_(&bytes) {}

  template <class T>
  bool save(const T* value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_->resize(sizeof(T));
    std::memcpy(bytes_->data(), value, sizeof(T));
    return true;
  }
  template <class T>
  bool load(T* value) {
    if (bytes_->size() != sizeof(T)) return false;
    std::memcpy(value, bytes_->data(), sizeof(T));
    return true;
  }

 private:
  std::vector<unsigned char>* bytes_;
};

class ESPPreferences {
 public:
  template <class T>
  ESPPreferenceObject make_preference(std::uint32_t type) {
    return ESPPreferenceObject(kept[type]);
  }

  std::map<std::uint32_t, std::vector<unsigned char>> kept;
};

inline ESPPreferences stub_preferences;
inline ESPPreferences* global_preferences = &stub_preferences;

}  // namespace esphome
