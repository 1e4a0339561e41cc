/* What of VapourSynth's API 4.0 the plugin uses, for cffi; the build checks it against VapourSynth4.h. */

typedef struct VSFrame VSFrame;
typedef struct VSNode VSNode;
typedef struct VSCore VSCore;
typedef struct VSPlugin VSPlugin;
typedef struct VSMap VSMap;
typedef struct VSFrameContext VSFrameContext;
typedef struct VSAPI VSAPI;

typedef enum { cfUndefined, cfGray, cfRGB, cfYUV, ... } VSColorFamily;
typedef enum { stInteger, stFloat, ... } VSSampleType;
typedef enum { fmParallelRequests, ... } VSFilterMode;
typedef enum { arInitial, arAllFramesReady, arError, ... } VSActivationReason;
typedef enum { mtInformation, mtWarning, ... } VSMessageType;
typedef enum { dtUtf8, ... } VSDataTypeHint;
typedef enum { rpGeneral, ... } VSRequestPattern;
typedef enum { maReplace, ... } VSMapAppendMode;

typedef struct {
    int colorFamily;
    int sampleType;
    int bitsPerSample;
    int bytesPerSample;
    int subSamplingW;
    int subSamplingH;
    int numPlanes;
} VSVideoFormat;

typedef struct {
    VSVideoFormat format;
    int64_t fpsNum;
    int64_t fpsDen;
    int width;
    int height;
    int numFrames;
} VSVideoInfo;

typedef struct {
    VSNode *source;
    int requestPattern;
} VSFilterDependency;

typedef void (*VSPublicFunction)(const VSMap *in, VSMap *out, void *userData, VSCore *core, const VSAPI *vsapi);
typedef const VSFrame *(*VSFilterGetFrame)(int n, int activationReason, void *instanceData, void **frameData,
                                           VSFrameContext *frameCtx, VSCore *core, const VSAPI *vsapi);
typedef void (*VSFilterFree)(void *instanceData, VSCore *core, const VSAPI *vsapi);

typedef struct {
    int (*configPlugin)(const char *identifier, const char *pluginNamespace, const char *name, int pluginVersion,
                        int apiVersion, int flags, VSPlugin *plugin);
    int (*registerFunction)(const char *name, const char *args, const char *returnType, VSPublicFunction argsFunc,
                            void *functionData, VSPlugin *plugin);
    ...;
} VSPLUGINAPI;

struct VSAPI {
    void (*createVideoFilter)(VSMap *out, const char *name, const VSVideoInfo *vi, VSFilterGetFrame getFrame,
                              VSFilterFree free, int filterMode, const VSFilterDependency *dependencies, int numDeps,
                              void *instanceData, VSCore *core);
    void (*setCacheOptions)(VSNode *node, int fixedSize, int maxSize, int maxHistorySize);
    void (*freeNode)(VSNode *node);
    const VSVideoInfo *(*getVideoInfo)(VSNode *node);

    void (*freeFrame)(const VSFrame *f);
    const VSFrame *(*addFrameRef)(const VSFrame *f);
    VSFrame *(*newVideoFrame)(const VSVideoFormat *format, int width, int height, const VSFrame *propSrc,
                              VSCore *core);
    VSFrame *(*copyFrame)(const VSFrame *f, VSCore *core);
    const VSMap *(*getFramePropertiesRO)(const VSFrame *f);
    VSMap *(*getFramePropertiesRW)(VSFrame *f);
    ptrdiff_t (*getStride)(const VSFrame *f, int plane);
    const uint8_t *(*getReadPtr)(const VSFrame *f, int plane);
    uint8_t *(*getWritePtr)(VSFrame *f, int plane);
    int (*getVideoFormatName)(const VSVideoFormat *format, char *buffer);
    int (*queryVideoFormat)(VSVideoFormat *format, int colorFamily, int sampleType, int bitsPerSample,
                            int subSamplingW, int subSamplingH, VSCore *core);

    const VSFrame *(*getFrameFilter)(int n, VSNode *node, VSFrameContext *frameCtx);
    void (*requestFrameFilter)(int n, VSNode *node, VSFrameContext *frameCtx);
    void (*releaseFrameEarly)(VSNode *node, int n, VSFrameContext *frameCtx);
    void (*setFilterError)(const char *errorMessage, VSFrameContext *frameCtx);

    void (*mapSetError)(VSMap *map, const char *errorMessage);
    const char *(*mapGetError)(const VSMap *map);
    int (*mapNumElements)(const VSMap *map, const char *key);
    int64_t (*mapGetInt)(const VSMap *map, const char *key, int index, int *error);
    double (*mapGetFloat)(const VSMap *map, const char *key, int index, int *error);
    const char *(*mapGetData)(const VSMap *map, const char *key, int index, int *error);
    int (*mapGetDataSize)(const VSMap *map, const char *key, int index, int *error);
    int (*mapSetData)(VSMap *map, const char *key, const char *data, int size, int type, int append);
    int (*mapSetFloatArray)(VSMap *map, const char *key, const double *d, int size);
    int (*mapSetFrame)(VSMap *map, const char *key, const VSFrame *f, int append);
    VSNode *(*mapGetNode)(const VSMap *map, const char *key, int index, int *error);
    void (*logMessage)(int msgType, const char *msg, VSCore *core);
    ...;
};

extern "Python" void osdclean_inpaint(const VSMap *, VSMap *, void *, VSCore *, const VSAPI *);
extern "Python" void osdclean_detect(const VSMap *, VSMap *, void *, VSCore *, const VSAPI *);
extern "Python" void osdclean_unblend(const VSMap *, VSMap *, void *, VSCore *, const VSAPI *);
extern "Python" void osdclean_track(const VSMap *, VSMap *, void *, VSCore *, const VSAPI *);
extern "Python" void osdclean_version(const VSMap *, VSMap *, void *, VSCore *, const VSAPI *);
extern "Python" const VSFrame *osdclean_get_frame(int, int, void *, void **, VSFrameContext *, VSCore *, const VSAPI *);
extern "Python" void osdclean_free(void *, VSCore *, const VSAPI *);
