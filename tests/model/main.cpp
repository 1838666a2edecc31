// Trainings in this process and in children are compared to the bit: both are set up alike.
#include <gmock/gmock.h>

#include "model/runtime.h"

int main(int argc, char** argv) {
  bitemark::model::start_well_set_up(argv);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
