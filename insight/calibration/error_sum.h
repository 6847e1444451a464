// How far off a value may be when several things are off by themselves.

#pragma once

namespace insight {

// Of independent errors that add up. The greatest of the limits is carried exactly and the others
// by their variance (JCGM 100:2008, 4.3.7 and G.2), so that one limit alone gives 0.95 of itself.
class ErrorSum {
 public:
  void add_limit(double limit);          // Each value up to it, to either side, is as likely.
  void add_deviation(double deviation);  // Normally distributed.

  // To each side of the value: contains the true one in 95 of 100 cases.
  double interval() const;

 private:
  double greatest_ = 0, variance_ = 0;
};

}  // namespace insight
