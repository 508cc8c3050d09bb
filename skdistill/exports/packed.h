/* Reads the packed form of skdistill's models, in C99: version 1, as docs/packed_format.md describes it.
 *
 * Nothing is allocated and nothing is unpacked: answers are computed from the bytes, which must stay where they are.
 *
 *     skd_model model;
 *     const char *wrong = skd_check(bytes, length, &model);          NULL, or what is wrong with the bytes
 *     int best = skd_predict(&model, row, features, values);         the number of the largest value
 *     skd_evaluate(&model, row, features, values);                   the values alone
 *
 * The bytes may come from anywhere. `row` has model.n_columns floats, one for each raw column: a number, or the code of
 * a category as skd_code or skd_number_code tell it; NaN where it is missing. `features` is room for model.n_features
 * floats, `values` receives model.n_outputs probabilities or values. Link with -lm.
 */
#ifndef SKDISTILL_PACKED_H
#define SKDISTILL_PACKED_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t n_outputs, n_columns, n_features;
    /* What follows is for the functions below. */
    uint32_t n_used, free, count, n_edges, rank;
    int kind, link, half, stored, spares_last, spares_first, is_listed, any_category, is_shifted;
    size_t length, places, columns, edges, pairs, outputs, nodes, numbers, constants, scales, shifts, values, decoder;
    const unsigned char *bytes;
} skd_model;

enum { SKD_TREE, SKD_LINE, SKD_ADDITIVE, SKD_SUM };
enum { SKD_IDENTITY, SKD_SOFTMAX, SKD_SIMPLEX, SKD_EXP };
enum { SKD_FLOAT32, SKD_FLOAT16, SKD_INT8, SKD_INT4 };

/* Numbers */

/* Where reading goes on. At the first thing that is wrong it says so, and reads zeros from then on. */
typedef struct {
    const unsigned char *bytes;
    size_t at, end;
    const char *wrong;
} skd_cursor;

static inline uint32_t skd_load(const unsigned char *bytes, int width)
{
    uint32_t number = 0;
    while (width-- > 0) number = number << 8 | bytes[width];
    return number;
}

static inline float skd_single(const unsigned char *bytes)
{
    const uint32_t bits = skd_load(bytes, 4);
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

/* 2 to a power from -126 to 127. */
static inline float skd_power(int exponent)
{
    const uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

static inline float skd_half(const unsigned char *bytes)
{
    const uint32_t bits = skd_load(bytes, 2);
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    const float size =
        exponent ? (float)(1024 + fraction) * skd_power(exponent - 25) : (float)fraction * skd_power(-24);
    return bits >> 15 ? -size : size;
}

static inline int skd_signed(unsigned char byte)
{
    return byte < 128 ? byte : (int)byte - 256;
}

/* Bytes of the number of one of n things. */
static inline int skd_width(uint32_t n)
{
    return n <= 256 ? 1 : n <= 65536 ? 2 : 4;
}

static inline int skd_fail(skd_cursor *cursor, const char *wrong)
{
    if (!cursor->wrong) cursor->wrong = wrong;
    return 0;
}

/* The next bytes, or NULL where fewer are left. */
static inline const unsigned char *skd_take(skd_cursor *cursor, size_t n)
{
    if (!cursor->wrong && n <= cursor->end - cursor->at) {
        cursor->at += n;
        return cursor->bytes + cursor->at - n;
    }
    skd_fail(cursor, "the file ends too early");
    return NULL;
}

static inline int skd_byte(skd_cursor *cursor)
{
    const unsigned char *byte = skd_take(cursor, 1);
    return byte ? *byte : 0;
}

static inline uint32_t skd_count(skd_cursor *cursor)
{
    uint64_t number = 0;
    int byte = 128, shift;
    for (shift = 0; shift < 35 && byte >= 128; shift += 7) {
        byte = skd_byte(cursor);
        number |= (uint64_t)(byte & 127) << shift;
    }
    if (byte >= 128 || number >= 0x80000000u) skd_fail(cursor, "a count is too large");
    return cursor->wrong ? 0 : (uint32_t)number;
}

/* Passes over n things of so many bits. */
static inline int skd_pass(skd_cursor *cursor, uint64_t n, int bits)
{
    if (n > 8 * (uint64_t)cursor->end) return skd_fail(cursor, "the file ends too early");
    return skd_take(cursor, (size_t)((n * (uint64_t)bits + 7) / 8)) != NULL;
}

/* Passes over numbers of 4 bytes or of 2, which must be finite, and increase if that is asked. */
static inline int skd_pass_numbers(skd_cursor *cursor, uint64_t n, int width, int increasing)
{
    const unsigned char *numbers = cursor->bytes + cursor->at;
    float last = 0, number;
    uint64_t i;
    if (!skd_pass(cursor, n, 8 * width)) return 0;
    for (i = 0; i < n; i++, numbers += width) {
        if (width == 2 ? (numbers[1] & 124) == 124 : (numbers[3] & 127) == 127 && numbers[2] >> 7)
            return skd_fail(cursor, "a number is not finite");
        if (!increasing) continue;
        number = width == 2 ? skd_half(numbers) : skd_single(numbers);
        if (i && !(number > last)) return skd_fail(cursor, "edges do not increase");
        last = number;
    }
    return 1;
}

/* Passes over the numbers of n of `below` things. */
static inline int skd_pass_indices(skd_cursor *cursor, uint64_t n, uint32_t below)
{
    const unsigned char *numbers = cursor->bytes + cursor->at;
    const int width = skd_width(below);
    uint64_t i;
    if (!skd_pass(cursor, n, 8 * width)) return 0;
    for (i = 0; i < n; i++, numbers += width)
        if (skd_load(numbers, width) >= below) return skd_fail(cursor, "a number of a thing is too large");
    return 1;
}

/* Columns */

typedef struct {
    int is_category, is_alone, indicator;
    uint32_t n_labels;
    size_t labels;
    float fill, center, scale;
} skd_column;

typedef struct {
    const unsigned char *bytes;
    size_t n_bytes;
    double number;
    int is_text;
} skd_label;

static inline float skd_number(skd_cursor *cursor, int form)
{
    const unsigned char *bytes = form > 1 ? skd_take(cursor, form == 2 ? 2 : 4) : NULL;
    const float number = bytes ? form == 2 ? skd_half(bytes) : skd_single(bytes) : 0;
    const int is_finite = !bytes || (form == 2 ? (bytes[1] & 124) != 124 : (bytes[3] & 127) != 127 || !(bytes[2] >> 7));
    if (!is_finite) skd_fail(cursor, "a number is not finite");
    return is_finite ? number : 0;
}

static inline skd_label skd_next_label(skd_cursor *cursor)
{
    static const unsigned char widths[] = {0, 0, 1, 2, 4, 8, 2, 4, 8};
    skd_label label = {NULL, 0, 0, 0};
    const int tag = skd_byte(cursor);
    if (tag <= 240) {
        label.is_text = 1;
        label.n_bytes = tag < 240 ? (size_t)tag : skd_count(cursor);
        label.bytes = skd_take(cursor, label.n_bytes);
    } else if (tag > 249) {
        skd_fail(cursor, "a label is of an unknown kind");
    } else if (tag < 243) {
        label.number = tag - 241;
    } else if ((label.bytes = skd_take(cursor, widths[tag - 241])) != NULL) {
        const unsigned char *bytes = label.bytes;
        uint64_t bits = 0;
        int width = widths[tag - 241], i;
        for (i = width; i-- > 0;) bits = bits << 8 | bytes[i];
        if (tag == 249) {
            memcpy(&label.number, &bits, 8);
        } else if (tag >= 247) {
            label.number = tag == 247 ? skd_half(bytes) : skd_single(bytes);
        } else {
            const uint64_t top = (uint64_t)1 << (8 * width - 1);
            label.number = bits < top ? (double)bits : -(double)(~bits & (top - 1)) - 1.0;
        }
        label.bytes = NULL;
    }
    return label;
}

static inline skd_column skd_next_column(skd_cursor *cursor)
{
    skd_column column = {0, 0, 0, 0, 0, 0, 0, 1};
    const int first = skd_byte(cursor);
    int fill = first & 3, center = 0, scale = 1, exponent = (first >> 2) - 16;
    if (first < 2) {
        uint32_t i;
        column.is_category = 1;
        column.indicator = first;
        column.n_labels = skd_count(cursor);
        column.labels = cursor->at;
        for (i = 0; i < column.n_labels && !cursor->wrong; i++) skd_next_label(cursor);
        return column;
    }
    if (first == 2) {
        column.is_alone = 1;
        return column;
    }
    if (first >= 128) {
        center = first >> 2 & 3;
        scale = first >> 4 & 3;
        column.indicator = first >> 6 & 1;
        exponent = 0;
    }
    if (first == 3 || center == 1 || scale == 2) skd_fail(cursor, "a column is of an unknown kind");
    if (fill == 1)
        column.fill = (float)skd_signed((unsigned char)skd_byte(cursor));
    else
        column.fill = skd_number(cursor, fill);
    column.center = skd_number(cursor, center);
    if (first >= 128 && scale == 1) exponent = skd_signed((unsigned char)skd_byte(cursor));
    if (exponent < -126) {
        skd_fail(cursor, "a scale is no power of two of float32");
        exponent = 0;
    }
    column.scale = scale == 3 ? skd_number(cursor, 3) : skd_power(exponent);
    if (!(column.scale > 0)) skd_fail(cursor, "a scale is not above 0");
    if (fill == 0) column.fill = column.center;
    if (fill == 1) {
        const double number = (double)column.fill / 8.0 / (double)(column.scale > 0 ? column.scale : 1);
        if (scale == 3 || exponent > 124) skd_fail(cursor, "a fill value in eighths needs a scale that is a power of two");
        if (number > FLT_MAX || number < -FLT_MAX)
            skd_fail(cursor, "a fill value is too large");
        else
            column.fill = (float)number;
    }
    return column;
}

static inline uint32_t skd_width_of(const skd_column *column)
{
    return (column->is_category ? column->n_labels : 1u) + (uint32_t)column->indicator;
}

/* Goes through the numbers of the used columns. */
typedef struct {
    skd_cursor cursor;
    uint32_t next, left;
} skd_places;

static inline skd_places skd_used(const skd_model *model)
{
    skd_places places;
    places.cursor.bytes = model->bytes;
    places.cursor.at = model->places;
    places.cursor.end = model->length;
    places.cursor.wrong = NULL;
    places.next = 0;
    places.left = model->is_listed ? skd_count(&places.cursor) : model->n_columns;
    return places;
}

/* The number of the next used column; model->n_columns or more if there is none. */
static inline uint32_t skd_next_place(const skd_model *model, skd_places *places)
{
    if (model->is_listed) {
        uint32_t step;
        if (!places->left || places->cursor.wrong) return model->n_columns;
        places->left--;
        step = skd_count(&places->cursor);
        if (places->cursor.wrong || step >= model->n_columns - places->next) {
            skd_fail(&places->cursor, "a column is listed that is not there");
            return model->n_columns;
        }
        places->next += step + 1;
        return places->next - 1;
    }
    while (places->next < model->n_columns) {
        const uint32_t i = places->next++;
        if (model->bytes[model->places + i / 8] >> i % 8 & 1) return i;
    }
    return model->n_columns;
}

static inline skd_cursor skd_at(const skd_model *model, size_t at)
{
    skd_cursor cursor;
    cursor.bytes = model->bytes;
    cursor.at = at;
    cursor.end = model->length;
    cursor.wrong = NULL;
    return cursor;
}

/* Edges */

typedef struct {
    uint32_t n;
    int width;
    const unsigned char *bytes;
} skd_edges;

static inline skd_edges skd_next_edges(const skd_model *model, skd_cursor *cursor, int checked)
{
    skd_edges edges;
    const uint32_t n = skd_count(cursor);
    edges.n = model->half ? n / 2 : n;
    edges.width = model->half && n % 2 ? 2 : 4;
    edges.bytes = cursor->bytes + cursor->at;
    if (checked)
        cursor->at += (size_t)edges.n * (size_t)edges.width;
    else if (!skd_pass_numbers(cursor, edges.n, edges.width, model->kind == SKD_ADDITIVE))
        edges.n = 0;
    return edges;
}

static inline float skd_edge(const skd_edges *edges, uint32_t i)
{
    const unsigned char *at = edges->bytes + (size_t)i * (size_t)edges->width;
    return edges->width == 2 ? skd_half(at) : skd_single(at);
}

/* How many edges are below x. */
static inline uint32_t skd_bin(const skd_edges *edges, float x)
{
    uint32_t low = 0, high = edges->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (x <= skd_edge(edges, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Whether a row goes left at the edge of this number. */
static inline int skd_goes_left(const skd_model *model, const float *features, uint32_t number)
{
    skd_cursor cursor = skd_at(model, model->edges);
    uint32_t i;
    for (i = 0; i < model->n_features; i++) {
        const skd_edges edges = skd_next_edges(model, &cursor, 1);
        if (number < edges.n) return features[i] <= skd_edge(&edges, number);
        number -= edges.n;
    }
    return 0;
}

/* Values */

static inline int skd_bits(const skd_model *model)
{
    static const unsigned char bits[] = {32, 16, 8, 4};
    return bits[model->stored];
}

static inline int skd_is_shares(const skd_model *model)
{
    return model->kind == SKD_TREE && model->link == SKD_SIMPLEX && model->stored >= SKD_INT8;
}

static inline int skd_stored_code(const skd_model *model, size_t i)
{
    const unsigned char *codes = model->bytes + model->values;
    return model->stored == SKD_INT8 ? codes[i] : codes[i / 2] >> (i % 2 ? 4 : 0) & 15;
}

/* A value, the output it is of, and the power of two that its table's scale is below that of the output. */
static inline double skd_value(const skd_model *model, size_t i, uint32_t output, int shift)
{
    const unsigned char *at = model->bytes + model->values;
    const unsigned char *scales = model->bytes + model->scales + 4 * (size_t)output;
    double value;
    int code, most;
    if (model->stored == SKD_FLOAT32) return skd_single(at + 4 * i);
    if (model->stored == SKD_FLOAT16) return skd_half(at + 2 * i);
    code = skd_stored_code(model, i);
    if (skd_is_shares(model)) return (double)code * skd_power(skd_signed(model->bytes[model->scales + 1]));
    most = model->stored == SKD_INT8 ? 128 : 8;
    if (model->kind != SKD_TREE && code >= most) code -= 2 * most;
    value = (double)code * skd_single(scales) * skd_power(-shift);
    if (model->kind == SKD_TREE) value += skd_single(scales + 4 * (size_t)model->free);
    return (float)(value > FLT_MAX ? FLT_MAX : value < -FLT_MAX ? -FLT_MAX : value);
}

static inline double skd_constant(const skd_model *model, uint32_t output)
{
    return output < model->free ? skd_single(model->bytes + model->constants + 4 * (size_t)output) : 0.0;
}

/* Checking */

static inline uint32_t skd_crc(const unsigned char *bytes, size_t length)
{
    uint32_t crc = 0xffffffffu;
    size_t i;
    int bit;
    for (i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static inline uint32_t skd_left(const skd_model *model, uint32_t split)
{
    const int width = skd_width(model->count);
    return skd_load(model->bytes + model->nodes + (size_t)split * (size_t)width, width);
}

/* Whether each split has fewer splits on its left than there are below it. The larger part waits, so that no more than
 * 32 can. */
static inline int skd_check_splits(const skd_model *model)
{
    struct {
        uint32_t first, n;
    } waiting[33], part, left, right;
    int n_waiting = 1;
    waiting[0].first = 0;
    waiting[0].n = model->count;
    while (n_waiting) {
        part = waiting[--n_waiting];
        while (part.n) {
            left.first = part.first + 1;
            left.n = skd_left(model, part.first);
            if (left.n >= part.n) return 0;
            right.first = left.first + left.n;
            right.n = part.n - 1 - left.n;
            waiting[n_waiting++] = left.n < right.n ? right : left;
            part = left.n < right.n ? left : right;
        }
    }
    return 1;
}

static inline void skd_check_values(skd_model *model, skd_cursor *cursor, uint64_t n, uint32_t n_scales,
                                    uint64_t n_tables)
{
    const int is_tree = model->kind == SKD_TREE;
    model->constants = cursor->at;
    if (!is_tree) skd_pass_numbers(cursor, model->free, 4, 0);
    model->scales = cursor->at;
    if (skd_is_shares(model)) {
        const unsigned char *share = skd_take(cursor, 2);
        if (!model->spares_last) skd_fail(cursor, "whole shares leave out the last one");
        if (share && (skd_signed(share[1]) > 0 || skd_signed(share[1]) < -126)) skd_fail(cursor, "a share is no power");
    } else if (model->stored >= SKD_INT8) {
        skd_pass_numbers(cursor, (uint64_t)n_scales * (is_tree ? 2u : 1u), 4, 0);
    }
    model->shifts = cursor->at;
    if (model->is_shifted) skd_pass(cursor, n_tables * n_scales, 4);
    model->values = cursor->at;
    if (model->stored <= SKD_FLOAT16)
        skd_pass_numbers(cursor, n, skd_bits(model) / 8, 0);
    else
        skd_pass(cursor, n, skd_bits(model));
    if (skd_is_shares(model) && !cursor->wrong) {
        size_t i, leaf;
        for (leaf = 0; leaf <= model->count; leaf++) {
            int rest = model->bytes[model->scales];
            for (i = 0; i < model->free && rest >= 0; i++) rest -= skd_stored_code(model, leaf * model->free + i);
            if (rest < 0) skd_fail(cursor, "shares exceed their sum");
        }
    }
}

static inline void skd_check_tree(skd_model *model, skd_cursor *cursor)
{
    uint32_t i;
    model->count = skd_count(cursor);
    model->nodes = cursor->at;
    if (skd_pass_indices(cursor, model->count, model->count) && !skd_check_splits(model))
        skd_fail(cursor, "a split has more splits on its left than there are below it");
    model->edges = cursor->at;
    if (model->half) {
        for (i = 0; i < model->n_features && !cursor->wrong; i++)
            model->n_edges += skd_next_edges(model, cursor, 0).n;
        model->numbers = cursor->at;
        skd_pass_indices(cursor, model->count, model->n_edges);
    } else {
        model->numbers = cursor->at;
        skd_pass_indices(cursor, model->count, model->n_features);
        model->edges = cursor->at;
        skd_pass_numbers(cursor, model->count, 4, 0);
    }
    skd_check_values(model, cursor, ((uint64_t)model->count + 1) * model->free, model->free, 0);
}

static inline void skd_check_sum(skd_model *model, skd_cursor *cursor)
{
    uint64_t n_nodes = 0, n_splits = 0;
    uint32_t i;
    model->count = skd_count(cursor);
    model->edges = cursor->at;
    for (i = 0; i < model->n_features && !cursor->wrong; i++) model->n_edges += skd_next_edges(model, cursor, 0).n;
    model->outputs = cursor->at;
    skd_pass_indices(cursor, model->count, model->n_outputs);
    model->nodes = cursor->at;
    for (i = 0; i < model->count && !cursor->wrong; i++) {
        uint64_t open = 1;
        while (open) {
            if (n_nodes / 8 >= model->length - model->nodes) {
                skd_fail(cursor, "the file ends too early");
                break;
            }
            if (model->bytes[model->nodes + n_nodes / 8] >> n_nodes % 8 & 1) {
                open++;
                n_splits++;
            } else {
                open--;
            }
            n_nodes++;
        }
    }
    if (!skd_pass(cursor, n_nodes, 1)) return;
    model->numbers = cursor->at;
    skd_pass_indices(cursor, n_splits, model->n_edges);
    skd_check_values(model, cursor, n_nodes - n_splits, model->n_outputs, 0);
}

static inline void skd_check_additive(skd_model *model, skd_cursor *cursor)
{
    uint64_t rows = 0;
    uint32_t i;
    model->edges = cursor->at;
    for (i = 0; i < model->n_features && !cursor->wrong; i++)
        rows += (uint64_t)skd_next_edges(model, cursor, 0).n + (model->spares_first ? 0u : 1u);
    model->count = skd_count(cursor);
    model->pairs = cursor->at;
    for (i = 0; i < model->count && !cursor->wrong; i++) {
        const int width = skd_width(model->n_features);
        const unsigned char *features = cursor->bytes + cursor->at;
        skd_edges one, other;
        if (!skd_pass_indices(cursor, 2, model->n_features)) break;
        if (skd_load(features, width) >= skd_load(features + width, width))
            skd_fail(cursor, "the features of a pair are not in order");
        one = skd_next_edges(model, cursor, 0);
        other = skd_next_edges(model, cursor, 0);
        if (!one.n || !other.n) skd_fail(cursor, "a pair has no edges");
        rows += (uint64_t)one.n * other.n;
        if (rows > 8 * (uint64_t)model->length) skd_fail(cursor, "the file ends too early");
    }
    if (model->free && rows > 8 * (uint64_t)model->length / model->free) skd_fail(cursor, "the file ends too early");
    skd_check_values(model, cursor, rows * model->free, model->free, (uint64_t)model->n_features + model->count);
}

static inline void skd_check_predictor(skd_model *model, skd_cursor *cursor)
{
    if (model->kind == SKD_TREE) skd_check_tree(model, cursor);
    if (model->kind == SKD_SUM) skd_check_sum(model, cursor);
    if (model->kind == SKD_ADDITIVE) skd_check_additive(model, cursor);
    if (model->kind == SKD_LINE)
        skd_check_values(model, cursor, (uint64_t)model->n_features * model->free, model->free, 0);
}

/* What a decoder makes its outputs of: a model of few outputs and without a link. */
static inline skd_model skd_core(const skd_model *model)
{
    skd_model core = *model;
    core.n_outputs = core.free = model->rank;
    core.link = SKD_IDENTITY;
    core.spares_last = 0;
    core.rank = 0;
    return core;
}

static inline void skd_check_decoder(skd_model *model, skd_cursor *cursor)
{
    const uint64_t n = (uint64_t)model->rank * model->free;
    model->decoder = cursor->at;
    skd_pass_numbers(cursor, model->free, 4, 0);
    if (model->stored >= SKD_INT8) {
        skd_pass_numbers(cursor, model->rank, 4, 0);
        skd_pass(cursor, n, 8);
    } else {
        skd_pass_numbers(cursor, n, model->stored == SKD_FLOAT16 ? 2 : 4, 0);
    }
}

/* NULL if the bytes hold a model that can be evaluated, else what is wrong. */
static inline const char *skd_check(const void *bytes, size_t length, skd_model *model)
{
    skd_cursor cursor;
    skd_places places;
    uint64_t n_features = 0;
    uint32_t i;
    int first, second;
    memset(model, 0, sizeof *model);
    model->bytes = (const unsigned char *)bytes;
    model->length = length;
    if (length < 8 || memcmp(bytes, "skd", 3) != 0) return "this is no packed model";
    if (model->bytes[3] != 1) return "this is a packed model of another version";
    if (skd_crc(model->bytes + 8, length - 8) != skd_load(model->bytes + 4, 4)) return "the checksum does not match";
    cursor = skd_at(model, 8);
    first = skd_byte(&cursor);
    second = skd_byte(&cursor);
    model->kind = first & 3;
    model->link = first >> 2 & 3;
    model->spares_last = first >> 6 & 1;
    model->spares_first = first >> 7;
    model->half = second & 1;
    model->stored = second >> 1 & 3;
    model->is_listed = second >> 3 & 1;
    model->any_category = second >> 4 & 1;
    model->is_shifted = second >> 6 & 1;
    model->n_outputs = skd_count(&cursor);
    model->n_columns = skd_count(&cursor);
    if (cursor.wrong) return cursor.wrong;
    if (second > 127 || !model->n_outputs || !model->n_columns ||
        (model->spares_last && (model->link == SKD_IDENTITY || model->link == SKD_EXP || (model->link == SKD_SIMPLEX && (model->kind != SKD_TREE || second >> 5 & 1)))) ||
        (model->is_shifted && (model->kind != SKD_ADDITIVE || model->stored < SKD_INT8)) ||
        (model->spares_first && model->kind != SKD_ADDITIVE) ||
        /* Probabilities are for classes, exponentials for values; a classification has one dimension. */
        (first & 16 ? model->link == SKD_SOFTMAX || model->link == SKD_SIMPLEX : model->link == SKD_EXP || first >> 5 & 1))
        return "the flags are none of this version";
    if (model->n_columns > 65536 && model->n_columns / 8 > length) return "there cannot be so many columns";
    model->free = model->n_outputs - (uint32_t)model->spares_last;
    if (second >> 5 & 1) {
        model->rank = (uint32_t)skd_byte(&cursor);
        if (!model->rank || model->rank > model->n_outputs) return "the core has too few or too many outputs";
    }
    model->places = cursor.at;
    if (model->is_listed) {
        uint32_t n = skd_count(&cursor), passed = 0;
        for (i = 0; i < n && !cursor.wrong; i++) {
            const uint32_t step = skd_count(&cursor);
            if (step >= model->n_columns - passed) return "a column is listed that is not there";
            passed += step + 1;
        }
    } else {
        skd_pass(&cursor, model->n_columns, 1);
    }
    if (cursor.wrong) return cursor.wrong;
    model->columns = cursor.at;
    places = skd_used(model);
    while (skd_next_place(model, &places) < model->n_columns && !cursor.wrong) {
        const skd_column column = skd_next_column(&cursor);
        if (column.is_category && !model->any_category) return "there is a category, and the flags know of none";
        n_features += skd_width_of(&column);
        model->n_used++;
    }
    if (places.cursor.wrong) return places.cursor.wrong;
    if (cursor.wrong) return cursor.wrong;
    if (n_features > 0x7fffffff) return "there cannot be so many features";
    model->n_features = (uint32_t)n_features;
    if (model->rank) {
        skd_model core = skd_core(model);
        skd_check_predictor(&core, &cursor);
        core.n_outputs = model->n_outputs;
        core.free = model->free;
        core.link = model->link;
        core.spares_last = model->spares_last;
        core.rank = model->rank;
        *model = core;
        skd_check_decoder(model, &cursor);
    } else {
        skd_check_predictor(model, &cursor);
    }
    if (!cursor.wrong && cursor.at < length) { /* names of columns, labels of classes or names of targets */
        const uint64_t n = (uint64_t)model->n_columns + model->n_outputs;
        uint64_t j;
        for (j = 0; j < n && !cursor.wrong; j++) skd_next_label(&cursor);
        if (cursor.at < length) skd_fail(&cursor, "bytes follow the end");
    }
    return cursor.wrong;
}

/* Evaluating */

static inline void skd_encode(const skd_model *model, const float *row, float *features)
{
    skd_cursor cursor = skd_at(model, model->columns);
    skd_places places = skd_used(model);
    uint32_t i, j, at = 0;
    while ((i = skd_next_place(model, &places)) < model->n_columns) {
        const skd_column column = skd_next_column(&cursor);
        const float cell = row[i];
        if (column.is_category) {
            for (j = 0; j < column.n_labels; j++) features[at++] = cell == (float)j;
        } else if (!column.is_alone) {
            float x = cell != cell ? column.fill : cell;
            x = x - column.center;
            x = x * column.scale;
            features[at++] = x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
        }
        if (column.indicator || column.is_alone) features[at++] = cell != cell;
    }
}

static inline void skd_add_tree(const skd_model *model, const float *features, double *values)
{
    uint32_t split = 0, n = model->count, leaf = 0, k;
    double rest = 0.0;
    while (n) {
        const uint32_t left = skd_left(model, split);
        int goes_left;
        if (model->half) {
            const int width = skd_width(model->n_edges);
            const unsigned char *number = model->bytes + model->numbers + (size_t)split * (size_t)width;
            goes_left = skd_goes_left(model, features, skd_load(number, width));
        } else {
            const int width = skd_width(model->n_features);
            const unsigned char *number = model->bytes + model->numbers + (size_t)split * (size_t)width;
            goes_left = features[skd_load(number, width)] <= skd_single(model->bytes + model->edges + 4 * (size_t)split);
        }
        if (!goes_left) leaf += left + 1;
        split += goes_left ? 1 : left + 1;
        n = goes_left ? left : n - 1 - left;
    }
    for (k = 0; k < model->free; k++) {
        values[k] = skd_value(model, (size_t)leaf * model->free + k, k, 0);
        rest += values[k];
    }
    if (!model->spares_last) return;
    if (skd_is_shares(model)) {
        const unsigned char *share = model->bytes + model->scales;
        rest = (double)share[0] * skd_power(skd_signed(share[1])) - rest;
    } else if (model->link == SKD_SIMPLEX) {
        rest = 1.0 - rest;
        rest = rest < (double)model->n_outputs / 33554432.0 ? 0.0 : (float)rest;
    } else {
        rest = 0.0;
    }
    values[model->free] = rest;
}

static inline void skd_add_sum(const skd_model *model, const float *features, double *values)
{
    const int wide = skd_width(model->n_outputs), width = skd_width(model->n_edges);
    uint32_t i, k;
    size_t node = 0, split = 0, leaf = 0;
    for (k = 0; k < model->n_outputs; k++) values[k] = 0.0;
    for (i = 0; i < model->count; i++) {
        const uint32_t output = skd_load(model->bytes + model->outputs + (size_t)i * (size_t)wide, wide);
        /* Subtrees to come in this tree, and how many of them to pass over before the row goes on; all, once it is in a
         * leaf. */
        size_t open = 1, passing = 0;
        int arrived = 0;
        while (open) {
            const int is_split = model->bytes[model->nodes + node / 8] >> node % 8 & 1;
            node++;
            open = is_split ? open + 1 : open - 1;
            if (arrived || passing) {
                if (passing) passing = is_split ? passing + 1 : passing - 1;
            } else if (is_split) {
                const unsigned char *number = model->bytes + model->numbers + split * (size_t)width;
                if (!skd_goes_left(model, features, skd_load(number, width))) passing = 1;
            } else {
                values[output] += skd_value(model, leaf, output, 0);
                arrived = 1;
            }
            split += (size_t)is_split;
            leaf += (size_t)!is_split;
        }
    }
    for (k = 0; k < model->n_outputs; k++) values[k] += skd_constant(model, k);
}

static inline int skd_shift(const skd_model *model, uint32_t table, uint32_t output)
{
    const size_t i = (size_t)table * model->free + output;
    return model->is_shifted ? model->bytes[model->shifts + i / 2] >> (i % 2 ? 4 : 0) & 15 : 0;
}

static inline void skd_add_row(const skd_model *model, size_t row, uint32_t table, double *values)
{
    uint32_t k;
    for (k = 0; k < model->free; k++)
        values[k] += skd_value(model, row * model->free + k, k, skd_shift(model, table, k));
}

static inline void skd_add_tables(const skd_model *model, const float *features, double *values)
{
    skd_cursor cursor = skd_at(model, model->edges);
    const uint32_t first = (uint32_t)model->spares_first;
    size_t row = 0;
    uint32_t i;
    for (i = 0; i < model->n_features; i++) {
        const skd_edges edges = skd_next_edges(model, &cursor, 1);
        const uint32_t bin = skd_bin(&edges, features[i]);
        if (bin >= first) skd_add_row(model, row + bin - first, i, values);
        row += (size_t)edges.n + 1 - first;
    }
    cursor.at = model->pairs;
    for (i = 0; i < model->count; i++) {
        const int width = skd_width(model->n_features);
        const unsigned char *pair = model->bytes + cursor.at;
        skd_edges one, other;
        uint32_t bin, second;
        cursor.at += 2 * (size_t)width;
        one = skd_next_edges(model, &cursor, 1);
        other = skd_next_edges(model, &cursor, 1);
        bin = skd_bin(&one, features[skd_load(pair, width)]);
        second = skd_bin(&other, features[skd_load(pair + width, width)]);
        if (bin && second)
            skd_add_row(model, row + (size_t)(bin - 1) * other.n + second - 1, model->n_features + i, values);
        row += (size_t)one.n * other.n;
    }
}

static inline void skd_apply_link(const skd_model *model, double *values)
{
    const uint32_t n = model->n_outputs;
    double top = values[0], total = 0.0;
    uint32_t k;
    if (model->link == SKD_SOFTMAX) {
        for (k = 1; k < n; k++) top = values[k] > top ? values[k] : top;
        for (k = 0; k < n; k++) total += values[k] = exp(values[k] - top);
        for (k = 0; k < n; k++) values[k] /= total;
    } else if (model->link == SKD_SIMPLEX) {
        for (k = 0; k < n; k++) total += values[k] = values[k] > 0.0 ? values[k] : 0.0;
        for (k = 0; k < n; k++) values[k] = total > 0.0 ? values[k] / total : 1.0 / n;
    } else if (model->link == SKD_EXP) {
        for (k = 0; k < n; k++) values[k] = exp(values[k] > 700.0 ? 700.0 : values[k] < -700.0 ? -700.0 : values[k]);
    }
}

/* Values of the model before its link, without its decoder. */
static inline void skd_add_up(const skd_model *model, const float *features, double *values)
{
    uint32_t i, k;
    for (k = 0; k < model->n_outputs; k++) values[k] = model->kind == SKD_TREE ? 0.0 : skd_constant(model, k);
    if (model->kind == SKD_TREE) skd_add_tree(model, features, values);
    if (model->kind == SKD_SUM) skd_add_sum(model, features, values);
    if (model->kind == SKD_ADDITIVE) skd_add_tables(model, features, values);
    if (model->kind == SKD_LINE)
        for (i = 0; i < model->n_features; i++)
            for (k = 0; k < model->free; k++)
                values[k] += skd_value(model, (size_t)i * model->free + k, k, 0) * features[i];
}

static inline void skd_decode(const skd_model *model, const double *outputs, double *values)
{
    const unsigned char *bias = model->bytes + model->decoder, *rows = bias + 4 * (size_t)model->free;
    const unsigned char *codes = rows + 4 * (size_t)model->rank;
    uint32_t i, k;
    for (k = 0; k < model->n_outputs; k++) values[k] = k < model->free ? skd_single(bias + 4 * (size_t)k) : 0.0;
    for (i = 0; i < model->rank; i++)
        for (k = 0; k < model->free; k++) {
            const size_t at = (size_t)i * model->free + k;
            double number;
            if (model->stored == SKD_FLOAT32) {
                number = skd_single(rows + 4 * at);
            } else if (model->stored == SKD_FLOAT16) {
                number = skd_half(rows + 2 * at);
            } else {
                number = (double)skd_signed(codes[at]) * skd_single(rows + 4 * (size_t)i);
                number = (float)(number > FLT_MAX ? FLT_MAX : number < -FLT_MAX ? -FLT_MAX : number);
            }
            values[k] += outputs[i] * number;
        }
}

/* Probabilities of the classes, or values of the targets. */
static inline void skd_evaluate(const skd_model *model, const float *row, float *features, double *values)
{
    skd_encode(model, row, features);
    if (model->rank) {
        const skd_model core = skd_core(model);
        double outputs[255];
        skd_add_up(&core, features, outputs);
        skd_decode(model, outputs, values);
    } else {
        skd_add_up(model, features, values);
    }
    skd_apply_link(model, values);
}

/* The number of the largest value; of equals the first. */
static inline uint32_t skd_predict(const skd_model *model, const float *row, float *features, double *values)
{
    uint32_t best = 0, k;
    skd_evaluate(model, row, features, values);
    for (k = 1; k < model->n_outputs; k++)
        if (values[k] > values[best]) best = k;
    return best;
}

/* The code of a category: its place among those that the model knows; -1 for one that is not known. */
static inline float skd_code_of(const skd_model *model, uint32_t column, const char *text, double number)
{
    skd_cursor cursor = skd_at(model, model->columns);
    skd_places places = skd_used(model);
    uint32_t i, j;
    while ((i = skd_next_place(model, &places)) < model->n_columns) {
        const skd_column found = skd_next_column(&cursor);
        skd_cursor labels = skd_at(model, found.labels);
        if (i != column) continue;
        for (j = 0; j < found.n_labels; j++) {
            const skd_label label = skd_next_label(&labels);
            if (text ? label.is_text && strlen(text) == label.n_bytes && !memcmp(text, label.bytes, label.n_bytes)
                     : !label.is_text && label.number == number)
                return (float)j;
        }
    }
    return -1.0f;
}

static inline float skd_code(const skd_model *model, uint32_t column, const char *text)
{
    return skd_code_of(model, column, text, 0.0);
}

static inline float skd_number_code(const skd_model *model, uint32_t column, double number)
{
    return skd_code_of(model, column, NULL, number);
}

#endif
