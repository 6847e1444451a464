#include "insight/report/report_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "insight/report/figures.h"

namespace insight {
namespace {

constexpr int height = 190, top = 24, bottom = 164;  // Pixels; labels are below the bottom.

// About three lines, at 1, 2 or 5 times a power of ten.
double grid_step(double greatest) {
  const double rough = greatest / 3;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (times * power >= rough) return times * power;
  }
  return 10 * power;
}

std::string_view fill(Source source) {
  switch (source) {
    case Source::measured:
      return "full";
    case Source::identified:
      return "striped";
    case Source::unknown:
      return "dotted";
  }
  return "full";
}

}  // namespace

std::string chart_patterns() {
  return R"svg(<svg class="unseen" width="0" height="0" aria-hidden="true"><defs>
<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3.2" height="6" class="full"/></pattern>
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><circle cx="2.5" cy="2.5" r="1.1" class="dot"/></pattern>
<pattern id="gap" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="1" height="7" class="dot"/></pattern>
</defs></svg>
)svg";
}

std::string share_bar(double share, Source source) {
  return fmt::format(
      R"svg(<svg class="bar" width="100%" height="10" aria-hidden="true"><rect width="100%" height="10" rx="3" class="track"/><rect width="{:.1f}%" height="10" rx="3" class="{}"/></svg>)svg",
      std::clamp(100 * share, 0.0, 100.0), fill(source));
}

std::string columns_chart(std::span<const Column> columns, std::string_view unit,
                          std::string_view says) {
  double greatest = 0;
  std::size_t peak = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].value > greatest) greatest = columns[peak = i].value;
  }
  const double scale = greatest > 0 ? (bottom - top) / greatest : 0;
  const double width = 100.0 / static_cast<double>(std::max<std::size_t>(columns.size(), 1));
  const auto middle = [&](std::size_t i) { return (static_cast<double>(i) + 0.5) * width; };

  auto svg = fmt::format(R"svg(<svg class="chart" height="{}" role="img" aria-label="{}">)svg",
                         height, escaped(says));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = columns[i];
    const double left = middle(i) - 0.37 * width;
    if (std::isnan(column.value)) {
      svg +=
          fmt::format(R"svg(<rect x="{:.2f}%" y="{}" width="{:.2f}%" height="{}" class="gap"/>)svg",
                      left, top, 0.74 * width, bottom - top);
    } else {
      const double size = std::max(column.value, 0.0) * scale;
      svg += fmt::format(
          R"svg(<rect x="{:.2f}%" y="{:.1f}" width="{:.2f}%" height="{:.1f}" class="{}"/>)svg",
          left, bottom - size, 0.74 * width, size, column.is_pale ? "striped" : "full");
    }
    if (!column.label.empty()) {
      svg += fmt::format(R"svg(<text x="{:.2f}%" y="{}" class="middle">{}</text>)svg", middle(i),
                         height - 8, escaped(column.label));
    }
  }
  svg += fmt::format(R"svg(<line x2="100%" y1="{0}" y2="{0}"/>)svg", bottom);
  if (greatest > 0) {
    const double step = grid_step(greatest);
    for (double value = step; value < greatest; value += step) {
      const double y = bottom - value * scale;
      svg += fmt::format(R"svg(<line x2="100%" y1="{0:.1f}" y2="{0:.1f}" class="grid"/>)svg", y);
      svg += fmt::format(R"svg(<text x="100%" dx="6" y="{:.1f}">{}&#160;{}</text>)svg", y + 4,
                         digits_of(value), escaped(unit));
    }
    const double at = middle(peak);
    svg += fmt::format(R"svg(<text x="{:.2f}%" y="{}" class="peak {}">{}&#160;{}</text>)svg", at,
                       top - 7,
                       at < 12   ? "start"
                       : at > 88 ? "end"
                                 : "middle",
                       digits_of(greatest), escaped(unit));
  }
  return svg + "</svg>";
}

}  // namespace insight
