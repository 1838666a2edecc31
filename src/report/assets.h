// reports/templates as strings; the build makes assets.cpp from the files.
#pragma once

namespace bitemark {

extern const char* const kReportCss;
extern const char* const kReportJs;

}  // namespace bitemark
